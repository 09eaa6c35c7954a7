"""The few system calls that Python has no function for (or none that stays within one thread)."""

from __future__ import annotations

import ctypes
import os
import platform

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_SLAVE = 0x1, 0x2, 0x4, 0x1000, 0x4000, 0x80000
_IDENTITY_CALLS = {  # setgroups, setresgid, setresuid
    "x86_64": (116, 119, 117),
    "aarch64": (159, 149, 147),
}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(answer: int, what: str) -> None:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def own_mounts() -> None:
    """Give the calling thread a mount namespace of its own; the host's unmounts still reach it."""
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", "", MS_REC | MS_SLAVE)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount ``source`` on ``target`` for the calling thread; OSError when the kernel refuses (``mount(2)``)."""
    texts = (text.encode() for text in (source, target, kind))
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def landlock_version() -> int:
    """Return the version of Landlock that this kernel has (``landlock(7)``), 0 when there is none."""
    create_ruleset, version_only = 444, 1
    return max(0, int(_libc.syscall(create_ruleset, None, 0, version_only)))


def become(uid: int, gid: int) -> None:
    """Give the calling thread, and it alone, another identity without groups or capabilities.

    The C library's functions would change every thread of the process; the raw system calls change one (see
    ``nptl(7)``, "C library/kernel differences"). Children started by this thread inherit it.
    """
    setgroups, setresgid, setresuid = _IDENTITY_CALLS[platform.machine()]
    _check(_libc.syscall(setgroups, 0, None), "setgroups")
    _check(_libc.syscall(setresgid, gid, gid, gid), "setresgid")
    _check(_libc.syscall(setresuid, uid, uid, uid), "setresuid")
