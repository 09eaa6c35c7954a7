"""A close call is confirmed on more seeds, one look after the other, as long as its run may spend them."""

from __future__ import annotations

import pytest

from improvement.engine.confirmation import cost_of_one
from improvement.engine.measurement import Measurement
from improvement.models import Candidate, Evaluation, Evidence, Run
from improvement.runner import confirming
from improvement.selectors import filesets
from improvement.selectors.targets import task_at
from improvement.services.evaluations import Order
from tests import factories as make

pytestmark = pytest.mark.django_db

UNDECIDED = (1.0, -0.6, 0.9, -0.1, 0.8, -0.7, 1.0, 0.1)
CLEAR = 1.0


def test_a_close_call_is_measured_on_until_it_is_clear() -> None:
    candidate = make.settle(make.confirming_candidate(make.run()), _close_call)

    evidence = Evidence.objects.get(candidate=candidate)
    assert candidate.state == "in_review"
    assert len(evidence.payload["seeds"]) in {12, 16, 24}
    assert _measured(candidate) == 2 * len(evidence.payload["seeds"])
    assert Run.objects.get().confirm_evaluations == Evaluation.objects.exclude(stage="measure").count()


def test_a_close_call_ends_where_the_allowance_ends() -> None:
    candidate = make.confirming_candidate(make.run())
    task = task_at(candidate.target.name, candidate.base_commit)
    holdout = cost_of_one(task.manifest) - 2 * 8
    Run.objects.update(confirm_allowance=2 * 12 + holdout - 1)

    candidate = make.settle(candidate, _close_call)

    assert (candidate.state, _measured(candidate)) == ("unconfirmed", 2 * 8)


def test_concluding_a_look_twice_orders_the_next_one_once() -> None:
    candidate = make.confirming_candidate(make.run())
    make.answer_all(_close_call)

    confirming.conclude(candidate.pk)
    confirming.conclude(candidate.pk)

    assert _measured(candidate) == 2 * 12


def _close_call(order: Order) -> Measurement:
    """Answer so that the first eight pairs leave it open and all further ones are for the candidate."""
    task = task_at(order.target_name, order.base_commit)
    champion = filesets.load(order.files_digest) == task.editable
    luck = UNDECIDED[order.case] if order.case < len(UNDECIDED) else CLEAR + order.case / 1000
    honest = make.measured(order).metrics["score"]
    score = honest if order.stage != "confirm" else make.START + (0.0 if champion else luck)
    return make.ok(score, evaluator_digest=task.evaluator_digest)


def _measured(candidate: Candidate) -> int:
    """Return how many evaluations on confirm seeds there are, the champion's included."""
    own = Evaluation.objects.filter(candidate=candidate, stage="confirm").count()
    return own + Evaluation.objects.filter(subject=candidate, stage="confirm").count()
