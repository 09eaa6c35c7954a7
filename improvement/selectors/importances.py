"""Reading how much each parameter of a run had to do with its scores, and which runs are to be weighed anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q

from improvement.models import Candidate, Run, RunEvent
from improvement.states import RunState

KIND = "weighed"
KINDS_OF_TARGETS = ("parameters", "pipeline")
FEWEST = 20
GROWN = 1.25
LOOKED_AFTER = timedelta(hours=1)


class Importances(NamedTuple):
    """The share of each parameter, the largest first, and of how many candidates they were found."""

    of: int
    shares: Mapping[str, float]


def latest(run: Run) -> Importances | None:
    """Return what is known of a run's parameters, nothing while they were not weighed."""
    found = run.events.filter(kind=KIND).order_by("-number").first()
    return Importances(found.payload["of"], dict(found.payload["shares"])) if found else None


def due(now: datetime) -> list[int]:
    """Return the runs whose parameters are to be weighed: a quarter more was measured since, or the search stands."""
    lively = Q(ended_at__isnull=True) | Q(ended_at__gt=now - LOOKED_AFTER)
    runs = list(Run.objects.filter(lively, target__kind__in=KINDS_OF_TARGETS, evaluations__gte=FEWEST))
    rows = RunEvent.objects.filter(run__in=runs, kind=KIND).order_by("number").values_list("run_id", "payload")
    before = {run_id: payload["evaluations"] for run_id, payload in rows}
    return [run.pk for run in runs if _is_due(run, before.get(run.pk, 0))]


def _is_due(run: Run, before: int) -> bool:
    stands = run.state != RunState.RUNNING.value
    return run.evaluations > before and (stands or run.evaluations >= GROWN * before)


def trials(run: Run) -> list[tuple[dict[str, Any], float]]:
    """Return what every measured candidate sets the parameters to, and its score, oldest first."""
    rows = Candidate.objects.filter(run=run, score__isnull=False).exclude(values={}).order_by("number")
    return [(values, score) for values, score in rows.values_list("values", "score") if score is not None]
