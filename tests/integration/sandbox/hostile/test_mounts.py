"""Nothing comes back through a folder: a sandbox has no folder of the host in which it may write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from improvement.engine.measurement import Stage
from improvement.sandbox import memory
from improvement.sandbox.measure import measure
from tests.integration.sandbox.small_targets import native

WAITS = "import time\ndef answer():\n    time.sleep(0.3)\n    return 1"
ASKS = "def evaluate(candidate, *, seed, stage, case):\n    return {'score': candidate.call('answer')}"
IN_MEMORY = {"tmpfs", "devpts", "mqueue", "proc"}
DEVICES = {"/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero", "/dev/console"}


@pytest.mark.usefixtures("both_ways")
def test_no_folder_of_the_host_can_be_written_to() -> None:
    seen: set[tuple[str, str]] = set()

    def look() -> bool:
        for pid in memory.processes(os.getpid()):
            if _is_inside(pid):
                seen.update(_writable_mounts(pid))
        return False

    measure(native(ASKS), {"solution.py": WAITS}, stage=Stage.MEASURE, seed=1, stop=look)
    assert {"/tmp", "/dev/shm"} <= {target for target, _ in seen}
    assert {target for target, kind in seen if kind not in IN_MEMORY} <= DEVICES


def _is_inside(pid: int) -> bool:
    """Whether a sandbox's program runs here: it said hello, so its mounts are made."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return b"/inside/enter.pyc" in Path(f"/proc/{pid}/cmdline").read_bytes() and "Seccomp:\t2" in status
    except OSError:
        return False


def _writable_mounts(pid: int) -> set[tuple[str, str]]:
    """Return where something can be written, with the kind of its file system (``proc_pid_mountinfo(5)``)."""
    try:
        lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    except OSError:
        return set()
    rows = [line.split(" - ") for line in lines]
    return {(own.split()[4], file_system.split()[0]) for own, file_system in rows if own.split()[5].startswith("rw")}
