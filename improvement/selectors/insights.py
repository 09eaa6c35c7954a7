"""Reading what a run's panels show: everything it tried, in one query each however long it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db.models import Sum
from django.db.models.fields.json import KeyTransform

from improvement.models import Candidate, Evaluation, Run
from improvement.selectors import loop


class Tried(NamedTuple):
    """One candidate of a run; ``score`` is ``None`` for one that was not measured well."""

    id: int
    generation: int
    score: float | None
    operator: str


class Weighed(NamedTuple):
    """Two metrics of a candidate; ``id`` is ``None`` for what the run started from."""

    id: int | None
    first: float
    second: float


class Placed(NamedTuple):
    """A candidate that was measured well, with every value that a feature may name."""

    id: int
    score: float
    values: Mapping[str, float]


def tried(run: Run) -> list[Tried]:
    """Return every candidate of a run, oldest first."""
    rows = Candidate.objects.filter(run=run).order_by("number")
    return list(map(Tried._make, rows.values_list("pk", "generation", "score", "operator")))


def values(run: Run) -> dict[int, dict[str, Any]]:
    """Return what every candidate of a run sets the declared parameters to, by candidate id."""
    return dict(Candidate.objects.filter(run=run).values_list("pk", "values"))


def seconds_by_operator(run: Run) -> dict[str, float]:
    """Return the sandbox seconds that measuring the candidates of each operator took."""
    rows = Evaluation.objects.filter(run=run, candidate__isnull=False, stage="measure").order_by()
    return dict(rows.values_list("candidate__operator").annotate(Sum("seconds")))


def weighed(run: Run, first: str, second: str) -> list[Weighed]:
    """Return two metrics of every candidate that was measured well and has both, oldest first."""
    rows = Evaluation.objects.filter(run=run, candidate__isnull=False, stage="measure", outcome="ok")
    both = rows.annotate(first=KeyTransform(first, "metrics"), second=KeyTransform(second, "metrics"))
    found = both.order_by("pk").values_list("candidate_id", "first", "second")
    return [Weighed(*row) for row in found if row[1] is not None and row[2] is not None]


def placed(run: Run) -> list[Placed]:
    """Return every candidate that was measured well, oldest first, with its metrics and its length."""
    rows = Evaluation.objects.filter(run=run, candidate__isnull=False, stage="measure", outcome="ok")
    told = rows.order_by("candidate__number").values_list(
        "candidate_id", "candidate__score", "metrics", "candidate__characters"
    )
    return [
        Placed(pk, score, {**metrics, "program_length": float(length)})
        for pk, score, metrics, length in told
        if score is not None
    ]


def start(run: Run, first: str, second: str) -> list[Weighed]:
    """Return two metrics of what a run started from, nothing while they are not measured."""
    metrics = loop.start_metrics(run)
    return [Weighed(None, metrics[first], metrics[second])] if first in metrics and second in metrics else []


def champion_id(run: Run) -> int | None:
    """Return the champion when it is a candidate of this run."""
    champion = run.target.champion_candidate_id
    return champion if champion and Candidate.objects.filter(pk=champion, run=run).exists() else None
