"""Reading what a run's chart shows: every spike, the best found, and how the champion moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tsdownsample import MinMaxLTTBDownsampler

from improvement.models import Candidate, Run, RunEvent
from improvement.selectors import events
from improvement.states import CandidateState

_DOWNSAMPLER: Any = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]

Step = tuple[int, float]
"""Evaluation, score."""
Mark = tuple[int, float, int]
"""Evaluation, score, candidate id."""
Moved = tuple[int, float | None, int | None]
"""Where a champion moved: evaluation, score, and the candidate when it was this run's."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What a run's chart shows, sampled on the server; x is the evaluation, y the score."""

    cursor: int
    x: list[int] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    best: list[Step] = field(default_factory=list)
    champion: list[Step] = field(default_factory=list)
    countersigned: list[Mark] = field(default_factory=list)
    waiting: list[Mark] = field(default_factory=list)
    rejected: list[Mark] = field(default_factory=list)
    taken_back: list[Mark] = field(default_factory=list)


def champion_steps(run: Run) -> list[Step]:
    """Return the approved champion's score over the evaluations of a run, as a step line up to now."""
    return _steps(run, _releases(run))


def sparklines(runs: Iterable[Run]) -> dict[int, list[Step]]:
    """Return each run's champion steps by run id, in one query."""
    found = {run.pk: run for run in runs}
    moved: dict[int, list[Moved]] = {run_id: [] for run_id in found}
    for event in RunEvent.objects.filter(run_id__in=found, kind="release.done").order_by("number"):
        moved[event.run_id].append(_moved(event))
    return {run_id: _steps(run, moved[run_id]) for run_id, run in found.items()}


def chart(run: Run, points: int = 2500) -> Chart:
    """Return a run's chart; every spike survives the sampling (MinMaxLTTB), the best line is exact."""
    cursor = events.cursor(run.pk)
    rows = np.array(
        list(
            Candidate.objects.filter(run=run, score__isnull=False, evaluation_index__isnull=False)
            .order_by("evaluation_index")
            .values_list("evaluation_index", "score", "pk")
        ),
        dtype=np.float64,
    ).reshape(-1, 3)
    best = _best_steps(run, rows)
    kept = _sample(rows, points)
    signed = [(x, y, number) for x, y, number in _releases(run) if y is not None and number is not None]
    return Chart(
        cursor=cursor,
        x=[int(value) for value in kept[:, 0]],
        y=[float(value) for value in kept[:, 1]],
        ids=[int(value) for value in kept[:, 2]],
        best=best,
        champion=champion_steps(run),
        countersigned=signed,
        waiting=_marks(run, CandidateState.IN_REVIEW, CandidateState.STALE, CandidateState.APPROVED),
        rejected=_marks(run, CandidateState.REJECTED),
        taken_back=_marks(run, CandidateState.ROLLED_BACK, CandidateState.WITHDRAWN),
    )


def _sample(rows: np.ndarray, points: int) -> np.ndarray:
    if len(rows) <= points:
        return rows
    chosen = _DOWNSAMPLER.downsample(rows[:, 0].copy(), rows[:, 1].copy(), n_out=points)
    return rows[np.asarray(chosen, dtype=np.intp)]


def _best_steps(run: Run, rows: np.ndarray) -> list[Step]:
    """The best score so far, at each evaluation where it rose."""
    if not len(rows):
        return [] if run.start_score is None else [(0, run.start_score)]
    scores = run.target.sign * rows[:, 1]
    start = run.start_score if run.start_score is not None else float(rows[0, 1])
    first = run.target.sign * start
    running = np.maximum.accumulate(np.concatenate([[first], scores]))
    rises = np.flatnonzero(np.diff(running) > 0)
    steps: list[Step] = [(0, start)]
    steps += [(int(rows[at, 0]), float(rows[at, 1])) for at in rises]
    return [*steps, (run.evaluations, steps[-1][1])]


def _steps(run: Run, moved: Iterable[Moved]) -> list[Step]:
    steps: list[Step] = [] if run.start_score is None else [(0, run.start_score)]
    steps += [(x, y) for x, y, _ in moved if y is not None]
    return [*steps, (run.evaluations, steps[-1][1])] if steps else []


def _releases(run: Run) -> list[Moved]:
    """Where the champion moved during a run."""
    return [_moved(event) for event in run.events.filter(kind="release.done").order_by("number")]


def _moved(event: RunEvent) -> Moved:
    return event.payload["x"], event.payload["y"], event.payload["id"]


def _marks(run: Run, *states: CandidateState) -> list[Mark]:
    rows = Candidate.objects.filter(
        run=run, state__in=[state.value for state in states], score__isnull=False, evaluation_index__isnull=False
    )
    return [(int(x or 0), float(y or 0.0), pk) for x, y, pk in rows.values_list("evaluation_index", "score", "pk")]
