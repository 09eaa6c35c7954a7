"""Sandboxes whose starter was killed while they were being set up.

Bubblewrap binds itself to its starter's life, and the inner process to its own, but the inner process first waits for
a sign from the outer one. If that one dies in between (the host process was killed at just this moment), the inner one
waits for ever: nothing of the program has started, and nothing holds it but its own pipes.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

TOOL = "bwrap"
MARK = b"/inside/enter.pyc"


def sweep() -> int:
    """End such processes, as far as this user may, and return how many there were."""
    orphans = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_orphan(entry)]
    for pid in orphans:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(orphans)


def _is_orphan(process: Path) -> bool:
    """Whether this is an inner process of bubblewrap, before it became the program, whose parent is no bubblewrap."""
    with suppress(OSError):
        if (process / "comm").read_text().strip() != TOOL or MARK not in (process / "cmdline").read_bytes():
            return False
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        inner = status["NSpid"].split()[-1] == "1" and len(status["NSpid"].split()) > 1
        return inner and Path(f"/proc/{int(status['PPid'])}/comm").read_text().strip() != TOOL
    return False
