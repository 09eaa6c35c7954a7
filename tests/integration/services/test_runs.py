"""Runs: who starts and steers them in which state, what a stop gives back, and one worker at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from improvement import installation
from improvement.engine.budget import Limit
from improvement.exceptions import BadTransition, Invalid, LateAttempt, NotAllowed, NotFound, StrategyError
from improvement.models import Evaluation, Run
from improvement.runner import confirming
from improvement.selectors import loop
from improvement.services import evaluations, runs
from improvement.services.actors import Actor, human
from tests import factories as make
from tests import trail

pytestmark = pytest.mark.django_db


def pause(run: Run, actor: Actor) -> None:
    """Pause a run."""
    runs.pause(run.pk, actor=actor, now=timezone.now())


def resume(run: Run, actor: Actor) -> None:
    """Let a run go on."""
    runs.resume(run.pk, actor=actor, now=timezone.now())


def stop(run: Run, actor: Actor) -> None:
    """Stop a run for good."""
    runs.stop(run.pk, actor=actor, now=timezone.now())


def in_state(state: str) -> Run:
    """Return a run in a state."""
    if state == "queued":
        return make.queued_run(make.target())
    run = make.run()
    if state == "paused":
        pause(run, make.alice())
    if state == "parked":
        runs.park(run.pk, reason="waits", now=timezone.now())
    if state == "completed":
        runs.complete(run.pk, budget=loop.budget(run), reason="the budget is spent", now=timezone.now())
    if state == "stopped":
        stop(run, make.alice())
    if state == "failed":
        runs.fail(run.pk, reason="no evaluator", now=timezone.now())
    run.refresh_from_db()
    assert run.state == state
    return run


# state: what pause, resume and stop lead to; "no" is refused
TABLE = {
    "queued": ("no", "no", "stopped"),
    "running": ("paused", "no", "stopped"),
    "paused": ("no", "running", "stopped"),
    "parked": ("paused", "running", "stopped"),
    "completed": ("no", "no", "no"),
    "stopped": ("no", "no", "no"),
    "failed": ("no", "no", "no"),
}
RECORDED = {"paused": "run.paused", "running": "run.resumed", "stopped": "run.stopped"}
STEPS = [
    pytest.param(state, step, after, id=f"{step.__name__} {state}")
    for state, row in TABLE.items()
    for step, after in zip((pause, resume, stop), row, strict=True)
]


@pytest.mark.parametrize(("state", "step", "after"), STEPS)
def test_steering_a_run(state: str, step: Callable[[Run, Actor], None], after: str) -> None:
    run = in_state(state)
    events = trail.size()
    if after == "no":
        with pytest.raises(BadTransition):
            step(run, make.alice())
        assert trail.size() == events
    else:
        step(run, make.alice())
        assert trail.kinds_since(events) == [RECORDED[after]]
    run.refresh_from_db()
    assert run.state == (state if after == "no" else after)
    assert (run.ended_at is not None) == (run.state in {"completed", "stopped", "failed"})


@pytest.mark.parametrize("role", ["viewer", "operator", "reviewer", "admin", "auditor"])
@pytest.mark.parametrize("step", [pause, stop])
def test_who_steers_runs(role: str, step: Callable[[Run, Actor], None]) -> None:
    run, somebody = make.run(), human(make.user(f"a-{role}", role))
    if role in {"operator", "reviewer", "admin"}:
        step(run, somebody)
        assert trail.recorded(f"run.{step.__name__}{'ped' if step is stop else 'd'}")
    else:
        with pytest.raises(NotAllowed, match=f"a-{role} may not pause, resume or stop a run"):
            step(run, somebody)


@pytest.mark.parametrize("role", ["viewer", "operator", "reviewer", "admin", "auditor"])
def test_who_starts_runs(role: str) -> None:
    target, somebody = make.target(), human(make.user(f"a-{role}", role))
    if role in {"operator", "reviewer", "admin"}:
        run = make.queued_run(target, actor=somebody)
        assert (run.state, run.started_by, run.starter_name) == ("queued", make.user(f"a-{role}"), f"a-{role}")
    else:
        with pytest.raises(NotAllowed, match=f"a-{role} may not start a run"):
            make.queued_run(target, actor=somebody)
        assert Run.objects.count() == 0


def test_a_started_run_is_recorded_with_everything_that_repeats_it() -> None:
    run = make.queued_run(make.target(), seed=7, budget=30)
    (stated,) = trail.recorded("run.created")
    assert stated == {
        "strategy": make.strategy().label,
        "strategy_sha256": make.strategy().digest,
        "budget": 30,
        "limits": {"evaluations": 30},
        "seed": "7",
        "base": run.start_commit,
    }
    assert (run.confirm_allowance, run.evaluations, run.confirm_evaluations) == (64, 0, 0)


@pytest.mark.parametrize(
    ("changes", "refusal", "said"),
    [
        ({"budget": 0}, Invalid, "choose between 1 and 1,000,000"),
        ({"budget": 1_000_001}, Invalid, "choose between 1 and 1,000,000"),
        ({"limits": {Limit.SECONDS: 0}}, Invalid, "0 seconds"),
        ({"parameters": {"no such": 1}}, StrategyError, "has no setting 'no such'"),
        ({"target_name": "elsewhere"}, NotFound, "There is no target named elsewhere. There are: small."),
    ],
)
def test_a_run_that_cannot_be_is_not_begun(changes: dict[str, object], refusal: type, said: str) -> None:
    target, actor = make.target(), make.alice()
    events = trail.size()
    order = {"target_name": target.name, "package": make.strategy(), "budget": 10, "actor": actor}
    with pytest.raises(refusal, match=said):
        runs.start(**{**order, **changes}, now=timezone.now())  # type: ignore[arg-type]
    assert (Run.objects.count(), trail.size()) == (0, events)


def test_a_run_that_is_not_there_cannot_be_steered() -> None:
    with pytest.raises(NotFound, match="There is no run R-99"):
        runs.pause(99, actor=make.alice(), now=timezone.now())


# What a stop gives back


def test_a_stop_withdraws_what_was_explored_and_cancels_its_measurements() -> None:
    run = make.run()
    candidates = make.propose(run, 2.0, 3.0)
    order = make.claim(candidates[0].evaluations.get())
    stop(run, make.alice())
    assert make.values(candidates) == ["withdrawn", "withdrawn"]
    assert set(Evaluation.objects.values_list("state", flat=True)) == {"cancelled"}
    assert installation.stop_file(run.pk).exists()
    with pytest.raises(LateAttempt):
        evaluations.record(order, make.measured(order), metric=make.manifest().primary, now=timezone.now())
    run.refresh_from_db()
    assert run.evaluations == 0


def test_a_stop_cancels_both_sides_of_a_first_confirmation() -> None:
    run = make.run()
    candidate = make.confirming_candidate(run)
    stop(run, make.alice())
    assert make.fresh(candidate).state == "withdrawn"
    assert Evaluation.objects.filter(state="queued").count() == 0


def test_a_stop_leaves_reviews_and_their_confirmations_alone() -> None:
    target = make.target()
    first, run = make.reviewed_candidate(make.run(target)), make.run(target, seed=2)
    second = make.reviewed_candidate(run, 3.0)
    make.move_champion_elsewhere(target, {"NOTES": b"Elsewhere.\n"})
    confirming.confirm_again(second.pk)
    stop(run, make.alice())
    assert make.values([first, second]) == ["stale", "confirming"]
    assert make.settle(second).state == "in_review"
    trail.assert_holds()


def test_a_run_that_fails_says_why_in_one_sentence() -> None:
    run = make.run()
    make.propose(run, 2.0)
    runs.fail(run.pk, reason="The evaluator is gone.", now=timezone.now())
    run.refresh_from_db()
    assert (run.state, run.wait_reason) == ("failed", "The evaluator is gone.")
    assert trail.recorded("run.failed") == [{"reason": "The evaluator is gone."}]


# One worker at a time


def test_a_lease_keeps_other_workers_away_until_it_passes() -> None:
    run, now = make.run(), timezone.now()
    assert runs.claim(run.pk, holder="a", now=now) == run
    assert runs.claim(run.pk, holder="b", now=now) is None
    assert runs.claim(run.pk, holder="a", now=now) == run
    assert runs.claim(run.pk, holder="b", now=now + runs.LEASE + timedelta(seconds=1)) == run
    runs.let_go(run.pk, holder="a")
    assert runs.claim(run.pk, holder="a", now=now) is None, "only the holder lets go"
    runs.let_go(run.pk, holder="b")
    assert runs.claim(run.pk, holder="a", now=now) == run


@pytest.mark.parametrize("state", ["paused", "completed", "stopped", "failed"])
def test_a_run_that_does_not_advance_is_leased_to_nobody(state: str) -> None:
    run = in_state(state)
    assert runs.claim(run.pk, holder="a", now=timezone.now()) is None
    assert run.pk not in loop.due_runs(timezone.now())
