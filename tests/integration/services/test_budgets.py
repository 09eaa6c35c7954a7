"""Budgets of runs: warned once for each limit, with what is in flight, changed by people with a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from improvement.engine.budget import Limit
from improvement.exceptions import BadTransition, CountersignError, Invalid, NotAllowed
from improvement.models import Evaluation, Run, RunEvent
from improvement.selectors import loop
from improvement.services import budgets, runs
from improvement.services.actors import SYSTEM, human
from tests import factories as make
from tests import questions, trail

pytestmark = pytest.mark.django_db


def limited(**limits: int) -> Run:
    """Return a run whose loop has begun, with these limits and ten evaluations."""
    run = runs.start(
        target_name=make.target().name,
        package=make.strategy(),
        budget=10,
        actor=make.alice(),
        now=timezone.now(),
        limits={Limit(name): value for name, value in limits.items()},
    )
    return runs.record_start(run.pk, score=make.START, now=timezone.now())


def completed(run: Run) -> Run:
    """End a run as its loop does when it has nothing left to spend."""
    runs.complete(run.pk, budget=loop.budget(run), reason="the budget is spent", now=timezone.now())
    return fresh(run)


def fresh(run: Run) -> Run:
    """Return a run as it is in the database now."""
    return Run.objects.select_related("target").get(pk=run.pk)


def change(run: Run, reason: str = "it still climbs", **limits: int) -> Run:
    """Give a run other limits, as its owner."""
    asked = {Limit(name): value for name, value in limits.items()}
    return budgets.change(run.pk, limits=asked, actor=make.alice(), reason=reason, now=timezone.now())


def said(run: Run) -> list[str]:
    """Return what browsers were told of a run's budget."""
    return [event.payload["text"] for event in RunEvent.objects.filter(run=run, kind="budget")]


# What counts


def test_evaluations_in_flight_count_at_what_one_cost_so_far() -> None:
    run = limited(cpu_seconds=100)
    make.measured_candidates(run, 1.5, 1.6, 1.7)
    make.propose(run, 2.0, 2.1)
    spent = loop.spent(fresh(run), timezone.now())
    answered = 3 * 0.125
    assert (spent.measured, spent.in_flight) == (3, 2)
    assert spent.cpu_seconds == pytest.approx(answered + 2 * answered / 4)


def test_a_run_ends_by_the_limit_that_is_spent_first() -> None:
    run = limited(cpu_seconds=1)
    Run.objects.filter(pk=run.pk).update(cpu_seconds=1.25)
    assert not loop.may_go_on(fresh(run), timezone.now())
    assert loop.budget(run).why_spent(loop.spent(fresh(run), timezone.now())) == ("the budget of 1 CPU second is spent")


def test_what_questions_to_models_cost_counts_with_what_those_under_way_may_still_cost() -> None:
    run = limited(tokens=100, microusd=1000)
    questions.asked_models(run, tokens=60, microusd=400, reserved=599)
    spent = loop.spent(fresh(run), timezone.now())
    assert (spent.tokens, spent.microusd) == (60, 999)
    assert loop.may_go_on(fresh(run), timezone.now())
    questions.asked_models(fresh(run), microusd=1)
    assert not loop.may_go_on(fresh(run), timezone.now())


# The warning


def test_each_limit_is_warned_of_once_at_four_fifths() -> None:
    run = limited(tokens=100)
    make.measured_candidates(run, *(1.0 + one / 10 for one in range(1, 8)))
    assert budgets.warn(run.pk, now=timezone.now()) == ()
    make.propose(run, 2.0)
    questions.asked_models(run, tokens=90)
    warned = budgets.warn(run.pk, now=timezone.now())
    assert [use.words for use in warned] == ["8 of 10 evaluations", "90 of 100 tokens"]
    assert budgets.warn(run.pk, now=timezone.now()) == ()
    assert said(run) == [
        "budget nearly spent: 8 of 10 evaluations",
        "budget nearly spent: 90 of 100 tokens",
    ]
    assert trail.recorded("run.budget_low") == [
        {"limit": "evaluations", "used": "8 of 10 evaluations"},
        {"limit": "tokens", "used": "90 of 100 tokens"},
    ]
    trail.assert_holds()


def test_another_limit_is_warned_of_anew() -> None:
    run = limited(tokens=100)
    questions.asked_models(run, tokens=90)
    budgets.warn(run.pk, now=timezone.now())
    change(run, tokens=110)
    assert [use.words for use in budgets.warn(run.pk, now=timezone.now())] == ["90 of 110 tokens"]


def test_the_seconds_of_a_run_are_warned_of_as_they_pass() -> None:
    run = limited(seconds=100)
    assert run.started_at is not None
    assert budgets.warn(run.pk, now=run.started_at + timedelta(seconds=79)) == ()
    (use,) = budgets.warn(run.pk, now=run.started_at + timedelta(seconds=80))
    assert use.words == "80 of 100 seconds"


# Other limits


def test_a_run_that_its_budget_ended_goes_on_with_more() -> None:
    run = limited()
    make.measured_candidates(run, *(1.0 + one / 10 for one in range(10)))
    run = completed(run)
    assert (run.state, run.ended_at is None) == ("completed", False)
    events = trail.size()
    run = change(run, evaluations=40, tokens=7)
    assert (run.state, run.ended_at, run.budget, run.token_limit) == ("running", None, 40, 7)
    assert trail.kinds_since(events) == ["run.limits_changed", "run.resumed"]
    assert trail.recorded("run.limits_changed") == [
        {
            "limits": {"evaluations": 40, "tokens": 7},
            "changes": "10 evaluations to 40 evaluations, 7 tokens",
            "reason": "it still climbs",
        }
    ]
    assert loop.may_go_on(fresh(run), timezone.now())
    assert make.propose(run, 5.0)[0].state == "measuring"
    trail.assert_holds()


def test_more_evaluations_bring_more_to_confirm_with() -> None:
    run = limited()
    assert run.confirm_allowance == 64
    assert change(run, evaluations=1000).confirm_allowance == 500
    assert change(run, evaluations=100).confirm_allowance == 500, "what was given is not taken back"


def test_a_completed_run_stays_so_where_another_limit_is_spent() -> None:
    run = limited(tokens=10)
    questions.asked_models(run, tokens=10)
    assert change(completed(run), evaluations=400).state == "completed"
    assert change(run, tokens=11).state == "running"


@pytest.mark.parametrize("state", ["running", "paused", "parked"])
def test_a_run_that_is_not_over_keeps_its_state(state: str) -> None:
    run = limited()
    if state == "paused":
        runs.pause(run.pk, actor=make.alice(), now=timezone.now())
    if state == "parked":
        runs.park(run.pk, reason="waits", now=timezone.now())
    assert change(run, evaluations=20).state == state


def test_a_run_is_not_completed_by_limits_that_it_has_not_any_more() -> None:
    run = limited()
    before = loop.budget(run)
    change(run, evaluations=20)
    runs.complete(run.pk, budget=before, reason="the budget is spent", now=timezone.now())
    assert fresh(run).state == "running"


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_run_that_is_over_for_another_cause_does_not_go_on(state: str) -> None:
    run = limited()
    if state == "stopped":
        runs.stop(run.pk, actor=make.alice(), now=timezone.now())
    else:
        runs.fail(run.pk, reason="no evaluator", now=timezone.now())
    with pytest.raises(BadTransition, match=f"is {state} and does not go on. Start a new run"):
        change(run, evaluations=20)


def test_a_strategy_with_nothing_left_is_not_bought_more() -> None:
    run = limited()
    Run.objects.filter(pk=run.pk).update(exhausted=True)
    run = completed(run)
    with pytest.raises(BadTransition, match="no budget changes that"):
        change(run, evaluations=20)


@pytest.mark.parametrize(
    ("limits", "reason", "refused"),
    [
        ({"evaluations": 3}, "so", "has used 4 of 3 evaluations already. Choose a limit that is not below that"),
        ({"evaluations": 10}, "so", "No limit would change"),
        ({}, "so", "No limit would change"),
        ({"evaluations": 2_000_000}, "so", "choose between 1 and 1,000,000 evaluations"),
        ({"seconds": 0}, "so", "The budget is 0 seconds"),
        ({"evaluations": 20}, "  ", "Say why the limits change"),
    ],
)
def test_limits_that_cannot_be_are_refused(limits: dict[str, int], reason: str, refused: str) -> None:
    run = limited()
    make.measured_candidates(run, 1.1, 1.2, 1.3, 1.4)
    events = trail.size()
    with pytest.raises(Invalid, match=refused):
        change(run, reason, **limits)
    assert (fresh(run).budget, trail.size()) == (10, events)


def test_less_than_before_is_a_limit_too() -> None:
    run = limited()
    make.measured_candidates(run, 1.1, 1.2)
    assert change(run, evaluations=5).budget == 5
    assert Evaluation.objects.filter(run=run, state="queued").count() == 0


@pytest.mark.parametrize("role", ["viewer", "operator", "reviewer", "admin", "auditor"])
def test_who_changes_limits(role: str) -> None:
    run, somebody = limited(), human(make.user(f"a-{role}", role))

    def order() -> Run:
        return budgets.change(run.pk, limits={Limit.EVALUATIONS: 20}, actor=somebody, reason="more", now=timezone.now())

    if role in {"operator", "reviewer", "admin"}:
        assert order().budget == 20
    else:
        with pytest.raises(NotAllowed, match=f"a-{role} may not start a run"):
            order()


def test_no_machine_changes_limits() -> None:
    run = limited()
    with pytest.raises(CountersignError, match="Only a person"):
        budgets.change(run.pk, limits={Limit.EVALUATIONS: 20}, actor=SYSTEM, reason="more", now=timezone.now())
