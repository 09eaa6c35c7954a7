"""Evaluations: leased to one worker at a time, attempted with a number, answered and counted once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from improvement.engine.measurement import Measurement, Outcome
from improvement.exceptions import LateAttempt
from improvement.models import Candidate, Evaluation, Run, RunEvent
from improvement.selectors import loop
from improvement.services import evaluations, halt
from improvement.services.evaluations import Order
from improvement.states import CandidateState
from tests import factories as make
from tests import trail
from tests.small_target import BOUND

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=60) + evaluations.GRACE
METRIC = make.manifest().primary


@pytest.fixture
def run() -> Run:
    """Give a run whose loop has begun."""
    return make.run(budget=10)


@pytest.fixture
def candidate(run: Run) -> Candidate:
    """Give a candidate that waits to be measured."""
    return make.propose(run, 2.0)[0]


def only(candidate: Candidate) -> Evaluation:
    """Return the one measurement of a candidate, as it is now."""
    return candidate.evaluations.get()


def record(order: Order, measurement: Measurement | None = None) -> Evaluation:
    """Record the answer of an attempt."""
    return evaluations.record(order, measurement or make.measured(order), metric=METRIC, now=timezone.now())


def test_an_answer_is_kept_whole(candidate: Candidate) -> None:
    order = make.claim(only(candidate))
    measurement = make.measured(order)
    row = record(order, measurement)
    assert (row.state, row.outcome, row.score, row.level, row.attempt) == ("done", "ok", row.metrics["score"], 3, 1)
    assert (row.seconds, row.cpu_seconds, row.memory_mb) == (0.25, 0.125, 32.0)
    assert row.evaluator_digest == measurement.evaluator_digest != ""
    assert (make.fresh(candidate).state, make.fresh(candidate).score) == ("measured", row.score)


@pytest.mark.parametrize(
    ("measurement", "state", "counts"),
    [
        (make.ok(2.0), "measured", (1, 0, 0)),
        (make.failed(), "failed", (1, 1, 0)),
        (make.failed(Outcome.BLOCKED, "network", "it opened a socket"), "blocked", (1, 0, 1)),
        (make.ok(BOUND + 1), "quarantined", (1, 0, 0)),
        (Measurement(outcome=Outcome.OK, cause="", message="", metrics={"other": 1.0}), "failed", (1, 0, 0)),
    ],
)
def test_an_answer_moves_the_candidate_and_counts_once(
    candidate: Candidate, measurement: Measurement, state: str, counts: tuple[int, int, int]
) -> None:
    make.answer(only(candidate), measurement)
    run = Run.objects.get(pk=candidate.run_id)
    assert make.fresh(candidate).state == state
    assert (run.evaluations, run.failed, run.blocked) == counts


def test_one_of_two_workers_gets_it(candidate: Candidate) -> None:
    first = make.claim(only(candidate), worker="a")
    second = evaluations.claim(only(candidate).pk, worker="b", seconds=60, now=timezone.now())
    assert (first.attempt, second, only(candidate).worker) == (1, None, "a")


def test_a_second_answer_of_the_same_attempt_is_late(candidate: Candidate) -> None:
    order = make.claim(only(candidate))
    record(order)
    with pytest.raises(LateAttempt, match=f"Attempt 1 of evaluation {order.evaluation_id} came too late"):
        record(order)
    assert Run.objects.get().evaluations == 1


def test_a_lost_worker_is_taken_over_and_its_late_answer_refused(candidate: Candidate) -> None:
    lost = make.claim(only(candidate), worker="a")
    later = timezone.now() + LEASE + timedelta(seconds=1)
    assert evaluations.take_over_lost(now=later) == [lost.evaluation_id]
    taken = make.claim(only(candidate), worker="b", now=later)
    assert taken.attempt == 2
    with pytest.raises(LateAttempt):
        record(lost)
    record(taken)
    assert Run.objects.get().evaluations == 1
    assert make.fresh(candidate).state == "measured"


def test_a_lease_that_holds_is_not_taken_over(candidate: Candidate) -> None:
    make.claim(only(candidate))
    assert evaluations.take_over_lost(now=timezone.now() + LEASE - timedelta(seconds=5)) == []


def test_what_no_worker_survives_fails_and_the_generation_still_closes(run: Run, candidate: Candidate) -> None:
    now = timezone.now()
    for _ in range(evaluations.MAX_ATTEMPTS):
        make.claim(only(candidate), now=now)
        now += LEASE + timedelta(seconds=1)
        evaluations.take_over_lost(now=now)
    row = only(candidate)
    assert (row.state, row.outcome, row.cause) == ("done", "failed", "lost")
    assert row.message == "3 workers were lost while they measured this"
    assert make.fresh(candidate).state == "failed"
    assert not loop.is_measuring(run.pk)
    assert make.close_generation(run).generation == 1
    assert Run.objects.get().evaluations == 1
    trail.assert_holds()


def test_a_stopped_measurement_is_given_back_and_not_counted(candidate: Candidate) -> None:
    stopped = make.claim(only(candidate))
    record(stopped, make.failed(cause="stopped"))
    assert (only(candidate).state, only(candidate).outcome, make.fresh(candidate).state) == ("queued", "", "measuring")
    assert Run.objects.get().evaluations == 0
    record(make.claim(only(candidate)))
    assert Run.objects.get().evaluations == 1


def test_any_number_of_stops_costs_no_attempt(candidate: Candidate) -> None:
    for _ in range(2 * evaluations.MAX_ATTEMPTS):
        record(make.claim(only(candidate)), make.failed(cause="stopped"))
    record(make.claim(only(candidate)))
    assert make.fresh(candidate).state == "measured"


def test_the_answer_of_an_attempt_that_was_given_back_is_late(candidate: Candidate) -> None:
    stopped = make.claim(only(candidate), worker="a")
    record(stopped, make.failed(cause="stopped"))
    taken = make.claim(only(candidate), worker="b")
    with pytest.raises(LateAttempt):
        record(stopped, make.ok(99.0))
    record(taken)
    assert make.fresh(candidate).score == only(candidate).score != 99.0


def test_nothing_is_leased_while_everything_is_stopped(candidate: Candidate) -> None:
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    assert evaluations.claim(only(candidate).pk, worker="a", seconds=60, now=timezone.now()) is None
    halt.resume(actor=make.alice(), reason="no fire", now=timezone.now())
    assert make.claim(only(candidate)).attempt == 1


def test_the_budget_is_spent_exactly(run: Run) -> None:
    budget = loop.budget(run)
    for start in range(2, 12, 2):
        make.propose(run, float(start), float(start + 1))
        run.refresh_from_db()
        assert loop.spent(run, timezone.now()).in_flight == 2
        make.answer_all()
        make.close_generation(run)
    run.refresh_from_db()
    spent = loop.spent(run, timezone.now())
    assert (spent.measured, spent.in_flight, budget.may_start(spent)) == (10, 0, 0)
    assert [one.evaluation_index for one in run.candidates.order_by("number")] == list(range(1, 11))


def test_confirmations_draw_on_their_own_allowance(run: Run) -> None:
    make.settle(make.confirming_candidate(run))
    run.refresh_from_db()
    assert (run.evaluations, run.confirm_evaluations) == (1, 2 * 8 + 2 * 2)


def test_a_confirmation_that_loses_its_worker_three_times_is_concluded_as_failed(run: Run) -> None:
    candidate = make.confirming_candidate(run)
    lost = candidate.evaluations.filter(stage="confirm").earliest("pk")
    now = timezone.now()
    for _ in range(evaluations.MAX_ATTEMPTS):
        make.claim(lost, now=now)
        now += LEASE + timedelta(seconds=1)
        evaluations.take_over_lost(now=now)
    settled = make.settle(candidate)
    assert (settled.state, settled.message) == (
        "unconfirmed",
        "Not confirmed: the candidate did not answer every confirmation.",
    )
    trail.assert_holds()


def test_every_live_event_fits_its_column() -> None:
    longest = max(len(f"candidate.{state}") for state in CandidateState)
    assert longest <= RunEvent._meta.get_field("kind").max_length
