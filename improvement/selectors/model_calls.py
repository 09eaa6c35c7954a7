"""Reading what was asked of language models, what they answered, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.models import ModelCall, Run
from improvement.permissions import Person
from improvement.selectors import blobs
from improvement.selectors.access import hidden_targets


@dataclass(frozen=True, slots=True)
class Spend:
    """What questions took; costs in millionths of a US dollar. What is reserved may still come on top."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_microusd: int = 0
    reserved_microusd: int = 0
    reserved_tokens: int = 0

    def __add__(self, other: Spend) -> Spend:
        return Spend(*map(sum, zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class RunSpend:
    """What one run spent on one model."""

    run: Run
    model: str
    spend: Spend


def answered(run_id: int, *, journal_index: int, place: int) -> ModelCall | None:
    """Return the question of a run that was asked in this place of a round, if it was answered."""
    rows = ModelCall.objects.filter(run_id=run_id, journal_index=journal_index, place=place, answer__isnull=False)
    return rows.first()


def request_of(call: ModelCall) -> ModelRequest:
    """Return what was asked, without the secrets that stood in it."""
    return ModelRequest.from_json(json.loads(blobs.load(call.request_id)))


def answer_of(call: ModelCall) -> ModelAnswer:
    """Return what was answered; the question must have been."""
    assert call.answer_id is not None
    return ModelAnswer.from_json(json.loads(blobs.load(call.answer_id)))


def of_run(run_id: int) -> Spend:
    """Return what a run has spent, with what its questions under way may still cost."""
    return _sum(ModelCall.objects.filter(run_id=run_id))


def of_run_by_model(run_id: int) -> dict[str, Spend]:
    """Return for each model what the questions of a run took, by name."""
    rows = _summed(ModelCall.objects.filter(run_id=run_id), "model").order_by("model")
    return {row["model"]: _spend(row) for row in rows}


def by_model(moment: datetime) -> dict[str, Spend]:
    """Return for each model what questions since a moment took, tests included."""
    rows = _summed(ModelCall.objects.filter(asked_at__gte=moment), "model")
    return {row["model"]: _spend(row) for row in rows}


def usual_costs(names: Iterable[str]) -> dict[str, float]:
    """Return what a question to each of these models did cost in runs so far, on average, in millionths of a dollar."""
    answered = ModelCall.objects.filter(run__isnull=False, answer__isnull=False, model__in=list(names)).order_by()
    return dict(answered.values("model").annotate(usual=Avg("cost_microusd")).values_list("model", "usual"))


def by_run(person: Person, moment: datetime, *, most: int) -> list[RunSpend]:
    """Return what runs that a person may see spent since a moment on each model, the newest runs first."""
    calls = ModelCall.objects.filter(asked_at__gte=moment, run__isnull=False)
    visible = calls.exclude(run__target_id__in=hidden_targets(person))
    rows = list(_summed(visible, "run_id", "model").order_by("-run_id", "model")[:most])
    runs = Run.objects.select_related("target").in_bulk({row["run_id"] for row in rows})
    return [RunSpend(runs[row["run_id"]], row["model"], _spend(row)) for row in rows]


def latest_tests(names: Iterable[str]) -> dict[str, ModelCall]:
    """Return the latest test of each of these models that was tested; it may be under way."""
    tests = ModelCall.objects.filter(run__isnull=True, model__in=list(names))
    return {call.model: call for call in tests.order_by("pk")}


def _sum(calls: QuerySet[ModelCall]) -> Spend:
    return _spend(calls.aggregate(**_FIGURES))


def _summed(calls: QuerySet[ModelCall], *groups: str) -> QuerySet[ModelCall, dict[str, Any]]:
    summed: QuerySet[ModelCall, dict[str, Any]] = calls.order_by().values(*groups).annotate(**_FIGURES)
    return summed


def _spend(figures: dict[str, Any]) -> Spend:
    names = ("calls", "asked", "said", "spent", "reserved", "waiting")
    return Spend(*(figures[name] for name in names))


_FIGURES = {
    "calls": Count("pk"),
    "asked": Coalesce(Sum("tokens_in"), 0),
    "said": Coalesce(Sum("tokens_out"), 0),
    "spent": Coalesce(Sum("cost_microusd"), 0),
    "reserved": Coalesce(Sum("reserved_microusd", filter=Q(answered_at__isnull=True)), 0),
    "waiting": Coalesce(Sum("reserved_tokens", filter=Q(answered_at__isnull=True)), 0),
}
