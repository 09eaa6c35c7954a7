"""How long a run has been running: its clock stands while it is queued, parked, paused, over, or all is stopped."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from improvement.models import Run
from improvement.selectors import system
from improvement.selectors.runs import seconds_running
from improvement.states import RunState


def changes(run: Run, to: RunState, *, now: datetime) -> dict[str, Any]:
    """Return the columns of a run's clock when the run moves to a state."""
    if to is RunState.RUNNING and not system.halted():
        return _going(now)
    return _standing(run, now)


def stop_all(*, now: datetime) -> None:
    """Stop every run's clock; must be called inside a transaction."""
    for run in Run.objects.select_for_update(of=("self",)).filter(running_since__isnull=False):
        Run.objects.filter(pk=run.pk).update(**_standing(run, now))


def go_on(*, now: datetime) -> None:
    """Let the clocks of the runs that run go on."""
    Run.objects.filter(state=RunState.RUNNING.value).update(**_going(now))


def _going(now: datetime) -> dict[str, Any]:
    return {"running_since": now}


def _standing(run: Run, now: datetime) -> dict[str, Any]:
    return {"running_since": None, "running_seconds": seconds_running(run, now)}
