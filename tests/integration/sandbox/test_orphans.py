"""A starter that is killed while bubblewrap still sets up leaves an inner process behind; the sweep ends it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from improvement.sandbox import bubblewrap, memory, orphans
from tests.integration.sandbox.waiting import wait_for

OPTIONS = ("--unshare-user", "--unshare-pid", "--die-with-parent", "--info-fd", "1", "--ro-bind", "/", "/")


def test_an_inner_process_that_waits_for_ever_is_swept() -> None:
    tool = bubblewrap.find()
    assert tool is not None
    blocked, never = os.pipe()
    outer = subprocess.Popen(
        [tool.path, *OPTIONS, "--userns-block-fd", str(blocked), "--", "/inside/enter.pyc"],
        pass_fds=[blocked],
        stdout=subprocess.DEVNULL,
    )
    assert wait_for(lambda: len(memory.processes(outer.pid)) == 2)
    inner = max(memory.processes(outer.pid).keys() - {outer.pid})
    orphans.sweep()
    assert _waits(inner)  # its parent lives: it is left alone
    outer.kill()
    outer.wait()
    assert _waits(inner)
    assert orphans.sweep() >= 1
    assert wait_for(lambda: not _waits(inner))
    os.close(blocked)
    os.close(never)


def _waits(pid: int) -> bool:
    path = Path(f"/proc/{pid}/status")
    return path.exists() and "State:\tS" in path.read_text()
