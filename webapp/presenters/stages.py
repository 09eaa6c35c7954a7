"""The stages of how a candidate was measured, as far as it went."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from improvement.engine.cascade import Step, is_missed, read_steps
from improvement.engine.manifest import Metric
from webapp.presenters import words
from webapp.presenters.review import StageLine
from webapp.presenters.words import Chip

if TYPE_CHECKING:
    from improvement.models import Evaluation

_PASSED = Chip("ok", "check", "Passed")
_MISSED = Chip("", "circle-slash", "Missed, as by the champion")
_ENDED = {
    "ok": Chip("ok", "circle-check", "Measured"),
    "dropped": Chip("", "circle-slash", "Dropped here"),
    "failed": Chip("bad", "x", "Failed here"),
    "blocked": Chip("bad", "ban", "Blocked here"),
}


def lines(rows: Sequence[Evaluation], better: str) -> tuple[StageLine, ...]:
    """Return the stages of a candidate's own measurement; none where it was one stage of one case."""
    measured = next((row for row in rows if row.stage == "measure" and row.candidate_id is not None), None)
    steps = read_steps(measured.steps) if measured is not None else ()
    if measured is None or all(step.threshold is None and step.cases == 1 for step in steps):
        return ()
    metric = Metric("", better)
    ended = _ENDED[measured.outcome]
    return (*(_line(step, _went_on(metric, step)) for step in steps[:-1]), _line(steps[-1], ended))


def _went_on(metric: Metric, step: Step) -> Chip:
    return _MISSED if is_missed(metric, step) else _PASSED


def _line(step: Step, chip: Chip) -> StageLine:
    return StageLine(
        name=step.stage,
        needed=words.number(step.threshold),
        score=words.number(fmean(step.scores) if step.scores else None),
        cases=f"{len(step.scores)} of {step.cases}",
        chip=chip,
    )
