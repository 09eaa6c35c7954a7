"""How much a tree of processes holds: memory, and files and sockets, which are the kernel's memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

COMMON_BUFFER = 212_992
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def tree(pid: int) -> Iterator[int]:
    """Yield ``pid`` and all its descendants, as far as they still live."""
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        yield current
        for task in _entries(Path(f"/proc/{current}/task")):
            waiting.extend(int(child) for child in _read(task / "children").split())


def resident_mb(pid: int) -> float:
    """Add up the resident sizes of the tree, in MB: at least as much as the proportional ones, and quick to read."""
    return sum(_resident_pages(process) for process in tree(pid)) * _PAGE_MB


def proportional_mb(pid: int) -> float:
    """Add up the proportional set sizes (PSS, shared pages counted once) of the tree, in MB."""
    return sum(
        _field_kb(f"/proc/{process}/smaps_rollup", "Pss:") / 1024 or _resident_pages(process) * _PAGE_MB
        for process in tree(pid)
    )


def sockets_mb(pid: int) -> float:
    """Bound what the buffers of the tree's sockets can hold, in MB: no process is charged for it (``unix(7)``)."""
    opened = {target for process in tree(pid) for target in _descriptors(process) if target.startswith("socket:")}
    return len(opened) * _largest_buffer_mb()


def files_in(pid: int, folder: str) -> int:
    """Count the files of a file system of its own that a process sees at ``folder``; 0 when it is gone."""
    try:
        seen = os.statvfs(f"/proc/{pid}/root{folder}")
    except OSError:
        return 0
    return seen.f_files - seen.f_ffree


def peak_mb(pid: int) -> float:
    """Add up the peak resident sizes of the tree's living processes, in MB."""
    return sum(_field_kb(f"/proc/{process}/status", "VmHWM:") for process in tree(pid)) / 1024


@cache
def _largest_buffer_mb() -> float:
    """The usual buffer, which the filter lets no program enlarge, may be overrun by one message of that size."""
    return 2 * int(_read(Path("/proc/sys/net/core/wmem_default")) or COMMON_BUFFER) / (1 << 20)


def _resident_pages(pid: int) -> int:
    """Read how much is resident; of a process whose first thread has ended, only another thread's entry tells."""
    own = Path(f"/proc/{pid}/statm")
    return _pages(own) or max((_pages(task / "statm") for task in _entries(Path(f"/proc/{pid}/task"))), default=0)


def _pages(statm: Path) -> int:
    figures = _read(statm).split()
    return int(figures[1]) if len(figures) > 1 else 0


def _field_kb(path: str, name: str) -> int:
    for line in _read(Path(path)).splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _descriptors(pid: int) -> Iterator[str]:
    """Yield what a process has open, by the kernel's names; each thread may have descriptors of its own."""
    for task in _entries(Path(f"/proc/{pid}/task")):
        for entry in _entries(task / "fd"):
            with suppress(OSError):
                yield os.readlink(entry)  # noqa: PTH115 - a name like socket:[17] is no path


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
