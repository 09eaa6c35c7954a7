"""How much a tree of processes holds: memory, and files and sockets, which are the kernel's memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

COMMON_BUFFER = 212_992
_LISTENING = b"0A"
_READ_SIZE = 1 << 16
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


Processes = dict[int, list[str]]
"""A tree of processes as it was found: each one's id, with those of its threads."""


def processes(pid: int) -> Processes:
    """Return ``pid`` and all its descendants, as far as they still live."""
    found: Processes = {}
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        found[current] = _names(f"/proc/{current}/task")
        for thread in found[current]:
            waiting.extend(map(int, _read(f"/proc/{current}/task/{thread}/children").split()))
    return found


def held_mb(found: Processes, enough_mb: float) -> tuple[float, float]:
    """Return what a tree holds at most: its resident memory, and what the buffers of its sockets can hold, in MB.

    Pages that processes share count for each of them; no process is charged for what waits in sockets (``unix(7)``).
    As long as it would not come to ``enough_mb`` if everything open were a socket, none is looked for.
    """
    resident = _PAGE_MB * sum(_resident_pages(process, threads) for process, threads in found.items())
    opened = sum(len(_names(folder)) for process, threads in found.items() for folder in _opened_by(process, threads))
    if resident + opened * _largest_buffer_mb() <= enough_mb:
        return resident, 0.0
    names = (_name_of(path) for process, threads in found.items() for path in descriptors(process, threads))
    sockets = {name for name in names if name.startswith("socket:")}
    return resident, len(sockets) * _largest_buffer_mb()


def queued_mb(pid: int) -> float:
    """Return what the queues of a process's network can hold, in MB: the largest size for each that is in use.

    Sockets that were closed, or not yet accepted, are in the kernel's tables, too (``proc_pid_net(5)``).
    """
    return sum(_queues_mb(line.split()) for name in ("tcp", "udp") for line in _rows(f"/proc/{pid}/net/{name}"))


def _rows(table: str) -> list[bytes]:
    return _read(table).splitlines()[1:]


def _queues_mb(row: list[bytes]) -> float:
    state, queues = row[3], row[4]
    sending, receiving = (int(part, 16) > 0 for part in queues.split(b":"))
    if state == _LISTENING:
        return 0.0
    return sending * _largest_queue_mb("wmem") + receiving * _largest_queue_mb("rmem")


@cache
def _largest_queue_mb(kind: str) -> float:
    sizes = _read(f"/proc/sys/net/ipv4/tcp_{kind}").split() or [b"8388608"]
    return int(sizes[-1]) / (1 << 20)


def hides(found: Processes) -> bool:
    """Whether a tree has a living process that its worker may not look into, such as one without ``PR_SET_DUMPABLE``.

    Whose last moments these are may not be looked into, either, and holds no memory any more.
    """
    return any(not os.access(f"/proc/{process}/fd", os.R_OK) and _is_alive(process) for process in found)


def proportional_mb(found: Processes) -> float:
    """Add up the proportional set sizes (PSS, shared pages counted once) of the tree, in MB."""
    return sum(
        field(f"/proc/{process}/smaps_rollup", b"Pss:") / 1024 or _resident_pages(process, threads) * _PAGE_MB
        for process, threads in found.items()
    )


def files_in(pid: int, folder: str) -> int:
    """Count the files of a file system of its own that a process sees at ``folder``; 0 when it is gone."""
    try:
        seen = os.statvfs(f"/proc/{pid}/root{folder}")
    except OSError:
        return 0
    return seen.f_files - seen.f_ffree


@cache
def _largest_buffer_mb() -> float:
    """The usual buffer, which the filter lets no program enlarge, may be overrun by one message of that size."""
    return 2 * int(_read("/proc/sys/net/core/wmem_default") or COMMON_BUFFER) / (1 << 20)


def _resident_pages(pid: int, threads: list[str]) -> int:
    """Read how much is resident; of a process whose first thread has ended, only another thread's entry tells."""
    pages = _pages(f"/proc/{pid}/statm")
    return pages or max((_pages(f"/proc/{pid}/task/{thread}/statm") for thread in threads), default=0)


def _pages(statm: str) -> int:
    figures = _read(statm).split()
    return int(figures[1]) if len(figures) > 1 else 0


def _is_alive(pid: int) -> bool:
    return _resident_pages(pid, _names(f"/proc/{pid}/task")) > 0


def field(path: str, name: bytes) -> int:
    """Return a number that one of the kernel's files gives a name; 0 where it gives none."""
    for line in _read(path).splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _name_of(descriptor: str) -> str:
    """Return the kernel's name for what is open; an empty text when it is no more."""
    try:
        return os.readlink(descriptor)  # noqa: PTH115 - a name like socket:[17] is no path
    except OSError:
        return ""


def descriptors(pid: int, threads: list[str] | None = None) -> Iterator[str]:
    """Yield the kernel's links to what a process has open; each thread may have descriptors of its own."""
    for folder in _opened_by(pid, _names(f"/proc/{pid}/task") if threads is None else threads):
        for name in _names(folder):
            yield f"{folder}/{name}"


def _opened_by(pid: int, threads: list[str]) -> list[str]:
    return [f"/proc/{pid}/task/{thread}/fd" for thread in threads]


def maps(pid: int) -> list[bytes]:
    """Return the lines of a process's mappings; when its first thread has ended, another one's entry tells."""
    whole = _read(f"/proc/{pid}/maps")
    threads = () if whole else _names(f"/proc/{pid}/task")
    return (whole or b"".join(_read(f"/proc/{pid}/task/{thread}/maps") for thread in threads)).splitlines()


# Every sandbox is watched all the time: these read more quickly than pathlib does.


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


def _read(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        data = os.read(file, _READ_SIZE)
        while more := os.read(file, _READ_SIZE):
            data += more
        return data
    except OSError:
        return b""
    finally:
        os.close(file)
