"""The system calls for which Python has no function."""

from __future__ import annotations

import _signal
import ctypes
import os

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 0x4000
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 36, 38
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION_3 = 0x20080522

_CLONE_NUMBER = {"x86_64": 56, "aarch64": 220}

_libc = ctypes.CDLL(None, use_errno=True)
_held = ctypes.PyDLL(None, use_errno=True)  # calls through it keep the interpreter's lock
_python = ctypes.pythonapi

# Looked up and made once: every job of a zygote would do it again, and that takes longer than the calls themselves.
_prctl, _capset, _mount, _syscall, _clone = _libc.prctl, _libc.capset, _libc.mount, _libc.syscall, _held.syscall
_before_fork = _python.PyOS_BeforeFork
_after_fork_in_child, _after_fork_in_parent = _python.PyOS_AfterFork_Child, _python.PyOS_AfterFork_Parent
_own_capabilities = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
_none = (ctypes.c_uint32 * 6)()


def check(answer: int, what: str) -> int:
    """Return what a call answered; OSError when that is an error."""
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return answer


def fork_into(namespaces: int) -> int:
    """Fork into new namespaces of these kinds; return the child's id, and 0 in the child.

    Only for a process with one thread, and the C library's handlers for a fork do not run. What it remembers as the
    thread's id stays right when parent and child are both process 1 of theirs.
    """
    _before_fork()
    child = _clone(_CLONE_NUMBER[os.uname().machine], ctypes.c_ulong(namespaces | _signal.SIGCHLD), 0, 0, 0, 0)
    number = ctypes.get_errno()
    if child == 0:
        _after_fork_in_child()
        return 0
    _after_fork_in_parent()
    if child < 0:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return int(child)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount ``source`` on ``target`` (``mount(2)``)."""
    texts = (source.encode(), target.encode(), kind.encode() or None)
    check(_mount(*texts, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def prctl(option: int, value: int) -> None:
    """Change something about this process (``prctl(2)``)."""
    check(_prctl(option, value, 0, 0, 0), f"prctl {option}")


def drop_rights() -> None:
    """Give up every capability, for good, and the chance to gain one."""
    for capability in range(64):
        if _prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            break
    check(_capset(_own_capabilities, _none), "capset")
    prctl(PR_SET_NO_NEW_PRIVS, 1)


class _Filter(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def filter_calls(instructions: bytes) -> None:
    """Install a filter, given as ``struct sock_filter[]``."""
    given = _Filter(len(instructions) // 8, instructions)
    check(_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0), "seccomp")


def call(number: int, *values: object) -> int:
    """Make a call by its number."""
    return check(_syscall(number, *values), f"system call {number}")
