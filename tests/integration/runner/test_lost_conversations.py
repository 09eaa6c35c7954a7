"""A served run whose strategies are lost after every step goes on as one whose strategies live."""

from __future__ import annotations

import hashlib

import pytest
from django.utils import timezone

from improvement.engine.measurement import Measurement
from improvement.engine.packages import find_builtin
from improvement.models import Candidate, Run
from improvement.runner import confirming, conversations
from improvement.runner.advancing import SNAPSHOT_EVERY, advance
from improvement.selectors import filesets
from improvement.selectors.targets import task_at
from improvement.services import runs
from improvement.services.evaluations import Order
from tests import factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_directory", "nothing_enqueued")]


def by_its_text(order: Order) -> Measurement:
    """Measure any program by its text alone: a number from 0 to 1."""
    digest = hashlib.sha256(filesets.load(order.files_digest)["f.py"].encode()).hexdigest()
    return make.ok(
        int(digest[:8], 16) / 2**32, evaluator_digest=task_at(order.target_name, order.base_commit).evaluator_digest
    )


Found = list[tuple[int, str, str, float | None, list[int]]]


def found(name: str, strategy: str, *, lost: bool) -> Found:
    """Run a little beyond the first snapshot, and return what was proposed and measured."""
    run = runs.start(
        target_name=make.target(name).name,
        package=find_builtin(strategy),
        budget=8 * (SNAPSHOT_EVERY + 2),
        seed=5,
        actor=make.alice(),
        now=timezone.now(),
    )
    with conversations.ended_after(run.pk):
        while Run.objects.get(pk=run.pk).generation < SNAPSHOT_EVERY + 2:
            advance(run.pk, worker="worker-1")
            make.answer_all(by_its_text)
            for candidate in Candidate.objects.filter(run=run, state="confirming"):
                confirming.conclude(candidate.pk)
            if lost:
                conversations.forget(run.pk)
    rows = Candidate.objects.filter(run=run).order_by("number")
    return [(row.number, row.operator, row.patch_digest, row.score, row.parents) for row in rows]


def test_strategies_lost_after_every_step_propose_the_same() -> None:
    alive = found("alive", "evolution+parameters", lost=False)
    assert found("lost", "evolution+parameters", lost=True) == alive
    assert len(alive) > SNAPSHOT_EVERY
