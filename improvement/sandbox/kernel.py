"""The system calls that the host makes for one of its threads alone; the others are those of ``inside.syscalls``."""

from __future__ import annotations

import ctypes
import platform

from improvement.sandbox.inside.syscalls import MS_REC, check, mount

CLONE_NEWNS = 0x00020000
MS_SLAVE = 0x80000
_IDENTITY_CALLS = {  # setgroups, setresgid, setresuid
    "x86_64": (116, 119, 117),
    "aarch64": (159, 149, 147),
}

_libc = ctypes.CDLL(None, use_errno=True)


def own_mounts() -> None:
    """Give the calling thread a mount namespace of its own; the host's unmounts still reach it."""
    check(_libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", "", MS_REC | MS_SLAVE)


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
    check(_libc.syscall(setgroups, 0, None), "setgroups")
    check(_libc.syscall(setresgid, gid, gid, gid), "setresgid")
    check(_libc.syscall(setresuid, uid, uid, uid), "setresuid")
