"""Seeing a run through to the gate: in this process, or by watching what the workers of a server do."""

from __future__ import annotations

import time

from improvement.commandline import server
from improvement.commandline.progress import Bar
from improvement.exceptions import Conflict
from improvement.models import Run
from improvement.runner.foreground import run_foreground
from improvement.selectors import system
from improvement.states import RUN_ENDS, RunState

POLL_SECONDS = 0.3
LOOK_AFTER_SERVER_SECONDS = 10.0
WAITS = frozenset({RunState.PARKED, RunState.PAUSED})


def here(run: Run, *, workers: int) -> Run:
    """Do the loop in this process and return the run when it is over or waits for people."""
    with Bar(run) as bar:
        return run_foreground(run.pk, workers=workers, watch=bar.show)


def by_workers(run: Run) -> Run:
    """Watch a run until it is over or waits for people; raises ``Conflict`` when the server goes away meanwhile."""
    look_at = time.monotonic() + LOOK_AFTER_SERVER_SECONDS
    with Bar(run) as bar:
        while True:
            run = Run.objects.select_related("target", "best_candidate").get(pk=run.pk)
            bar.show(run)
            if run.state in RUN_ENDS | WAITS or system.halted():
                return run
            if time.monotonic() > look_at:
                look_at += LOOK_AFTER_SERVER_SECONDS
                _check_server(run)
            time.sleep(POLL_SECONDS)


def _check_server(run: Run) -> None:
    if not server.has_workers():
        raise Conflict(f"The workers went away; R-{run.pk} goes on as soon as `manage.py up` runs again.")
