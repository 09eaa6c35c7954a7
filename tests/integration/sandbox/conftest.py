"""No test may leave a process behind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from improvement.sandbox import memory


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = _orphans()
    yield
    wait_until_gone = time.monotonic() + 1
    while (left := _descendants() | (_orphans() - before)) and time.monotonic() < wait_until_gone:
        time.sleep(0.01)
    assert not left, f"left behind: {sorted(left)}"


def _descendants() -> set[int]:
    return {pid for pid in memory.tree(os.getpid()) if _is_sandbox(pid)}


def _orphans() -> set[int]:
    """Sandbox processes whose starter is gone; those of other test runs on this machine have living starters."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {pid for pid in pids if _is_sandbox(pid) and "\nPPid:\t1\n" in _read(f"/proc/{pid}/status")}


def _is_sandbox(pid: int) -> bool:
    return "/inside/enter.pyc" in _read(f"/proc/{pid}/cmdline")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
