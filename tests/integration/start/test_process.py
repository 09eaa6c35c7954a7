"""Real child processes: kept alive, heard, and ended with everything they started."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PROJECT
from tests.waiting import wait_until
from webapp.supervisor.process import Part, Process, stop_all


class Told(list[tuple[str, str]]):
    """What a person would have seen."""

    def tell(self, what: str, how: str) -> None:
        self.append((what, how))


def _process(program: str, logs: Path, told: Told, *, ready: bool = True) -> Process:
    part = Part("part", (sys.executable, "-c", program), ready=lambda: ready)
    return Process(part, dict(os.environ), logs, told.tell)


def _exists(pid: int) -> bool:
    """Return whether the process lives; a zombie that nobody has waited for is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_ready_is_told_once(tmp_path: Path) -> None:
    told = Told()
    process = _process("import time; time.sleep(60)", tmp_path, told)
    process.start()
    for _ in range(3):
        process.watch()
    stop_all([process], seconds=5)
    assert told == [("part", "ready")]


def test_dead_process_is_started_again_after_growing_pauses(tmp_path: Path) -> None:
    told = Told()
    process = _process("raise SystemExit(7)", tmp_path, told, ready=False)
    process.start()

    def three_deaths() -> bool:
        process.watch()
        return process.deaths == 3

    wait_until(three_deaths, seconds=20, what="the third death")
    assert [how for _, how in told] == [
        f"ended with status 7; starting again in {pause} s" for pause in ("0.25", "0.5", "1")
    ]


def test_output_goes_to_a_private_file_and_errors_to_the_terminal(tmp_path: Path) -> None:
    told = Told()
    lines = ["plain words", '{"level": "info", "event": "calm"}', '{"level": "error", "event": "the disk is full"}']
    process = _process(f"print({chr(10).join(lines)!r})", tmp_path, told)
    process.start()
    wait_until(lambda: len(process.last_lines) == 3, seconds=10, what="three lines were read")
    stop_all([process], seconds=5)
    log = tmp_path / "part.log"
    assert log.read_text().splitlines() == lines
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert ("part", "error: the disk is full") in told


def test_stop_ends_also_what_ignores_sigterm_and_its_children(tmp_path: Path) -> None:
    stubborn = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    process = _process(stubborn, tmp_path, Told())
    process.start()
    wait_until(lambda: process.last_lines, seconds=10, what="the child's number is known")
    child = int(process.last_lines[0])
    stop_all([process], seconds=0.3)
    assert not process.running
    wait_until(lambda: not _exists(child), seconds=5, what="the grandchild is gone")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    supervisor = (
        "import os, sys, time; from pathlib import Path\n"
        "from webapp.supervisor.process import Part, Process\n"
        "part = Part('part', (sys.executable, '-c', 'import time; time.sleep(60)'), ready=lambda: True)\n"
        f"process = Process(part, dict(os.environ), Path({str(tmp_path)!r}), lambda *words: None)\n"
        "process.start(); print(process.child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", supervisor], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _exists(child)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not _exists(child), seconds=5, what="the child is gone")
