"""No test may leave a process behind, but zygotes that wait for their next job."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from improvement.sandbox import levels, memory, spawn, zygotes


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = _orphans()
    yield
    wait_until_gone = time.monotonic() + 1
    while (left := _descendants() | (_orphans() - before)) and time.monotonic() < wait_until_gone:
        time.sleep(0.01)
    assert not left, f"left behind: {sorted(left)}"


@pytest.fixture(params=["forked", "from nothing"])
def both_ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """Make each sandbox of a test both ways in which there are any."""
    levels.require(spawn.FULL)
    levels.try_zygotes()
    assert zygotes.allowed(), zygotes.why_not()
    zygotes.allow(request.param == "forked")
    yield
    zygotes.allow(True)


def _descendants() -> set[int]:
    return {pid for pid in memory.processes(os.getpid()) if _is_sandbox(pid)}


def _orphans() -> set[int]:
    """Sandbox processes whose starter is gone; those of other test runs on this machine have living starters."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {pid for pid in pids if _is_sandbox(pid) and "\nPPid:\t1\n" in _read(f"/proc/{pid}/status")}


def _is_sandbox(pid: int) -> bool:
    """Whether this process belongs to a sandbox, and is no zygote that waits for its next job."""
    command = _read(f"/proc/{pid}/cmdline")
    return "/inside/enter.pyc" in command and not ("\0zygote\0" in command and _is_zygote(pid))


def _is_zygote(pid: int) -> bool:
    """Whether bubblewrap became this process, or is it still: a zygote's jobs are its own children."""
    parent = next((line.split()[1] for line in _read(f"/proc/{pid}/status").splitlines() if "PPid:" in line), "0")
    return "bwrap" in (_read(f"/proc/{pid}/comm").strip(), _read(f"/proc/{parent}/comm").strip())


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
