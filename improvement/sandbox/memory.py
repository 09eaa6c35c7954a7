"""How much memory a tree of processes holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def tree(pid: int) -> Iterator[int]:
    """Yield ``pid`` and all its descendants, as far as they still live."""
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        yield current
        for task in _entries(Path(f"/proc/{current}/task")):
            waiting.extend(int(child) for child in _read(task / "children").split())


def proportional_mb(pid: int) -> float:
    """Add up the proportional set sizes (PSS, shared pages counted once) of the tree, in MB."""
    return sum(_field_kb(f"/proc/{process}/smaps_rollup", "Pss:") for process in tree(pid)) / 1024


def peak_mb(pid: int) -> float:
    """Add up the peak resident sizes of the tree's living processes, in MB."""
    return sum(_field_kb(f"/proc/{process}/status", "VmHWM:") for process in tree(pid)) / 1024


def _field_kb(path: str, name: str) -> int:
    for line in _read(Path(path)).splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


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
