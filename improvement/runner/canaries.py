"""Canaries of a run: ordered, judged, and the run held when one has died."""

from __future__ import annotations

from django.utils import timezone

from improvement.engine.canary import Sung, due, needs_canaries, what_is_wrong
from improvement.engine.measurement import Task
from improvement.engine.patches import files_digest
from improvement.engine.seeds import measure_seed
from improvement.models import Run
from improvement.selectors import loop
from improvement.selectors.targets import task_at
from improvement.services import openings, runs


def hold_up(run: Run, *, nominating: bool = False) -> bool:
    """Tell whether a run has to wait: for a canary that is due, or for people because one differs from what is known.

    Asked when nothing of the run is being measured.
    """
    task = task_at(run.target.name, run.start_commit)
    if not needs_canaries(task.manifest) or run.start_score is None:
        return False
    sung = [Sung(row.index, row.score) for row in loop.canaries(run, files_digest(task.editable))]
    wrong = what_is_wrong(task.manifest.primary, run.start_score, sung)
    if wrong:
        _hold(run, task, wrong)
        return True
    count = due(sung, run.evaluations, nominating=nominating)
    _order(run, task, count)
    return count > 0


def _hold(run: Run, task: Task, wrong: str) -> None:
    """Hold the run, and measure once more what is judged when somebody lets it go on."""
    reason = (
        f"the program it started from was measured again and {wrong}, so the evaluator or this machine is not what "
        "it was. Find out what changed; resume the run when that is undone, or stop it"
    )
    runs.hold(run.pk, reason=reason, now=timezone.now())
    _order(run, task, 1)


def _order(run: Run, task: Task, count: int) -> None:
    for _ in range(count):
        openings.order_canary(
            run.pk, files=task.editable, evaluations=run.evaluations, seed=measure_seed(run.seed), now=timezone.now()
        )
