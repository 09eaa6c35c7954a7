"""A former champion comes back: by an authorised person, with a reason, as a new commit, also under a stop."""

from __future__ import annotations

import pytest
from django.utils import timezone

from improvement.commandline import target_report
from improvement.exceptions import Conflict, Invalid, NotAllowed, NotFound
from improvement.models import Release, Target
from improvement.permissions import Right
from improvement.runner import releasing
from improvement.runner.repositories import repository
from improvement.selectors import charts, loop
from improvement.services import champions, halt, runs
from improvement.services.actors import SYSTEM
from tests import factories as make
from tests import trail
from tests.integration.runner.champions import (
    assert_champion_is,
    begin,
    released,
)
from tests.trail import recorded

pytestmark = pytest.mark.django_db


def roll_back(target: Target, **changes: object) -> Release:
    """Order that the first champion comes back."""
    order = {"to": target.start_commit, "actor": make.alice(), "reason": "it was slower", "now": timezone.now()}
    return champions.order_rollback(target.name, **{**order, **changes})  # type: ignore[arg-type]


def test_a_rollback_is_a_new_commit_with_the_former_tree() -> None:
    target, _ = released()
    bad = target.champion_commit
    release = roll_back(target)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    repo = repository(target.name)
    assert_champion_is(target, release.commit, 1.0)
    assert repo.read_tree(release.commit) == make.tree()
    assert repo.is_ancestor(bad, release.commit)
    assert repo.history()[0].trailers["Rolled-back-by"] == ["alice"]
    assert repo.history()[0].trailers["Restores"] == [target.start_commit]
    trail.assert_holds()


def test_a_rollback_says_who_ordered_it_and_what_it_restores_and_has_no_approvals() -> None:
    target, _ = released()
    release = roll_back(target)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    assert (release.approved_by, release.ordered_by_id, release.ordered_commit) == (
        [],
        make.alice().person_id,
        target.start_commit,
    )
    newest, earlier = target_report.history_value(target)["history"][:2]
    assert (newest["approved_by"], newest["ordered_by"], newest["restores"]) == ([], "alice", target.start_commit)
    assert (earlier["approved_by"], earlier["ordered_by"], earlier["restores"]) == (["alice"], None, None)
    (ordered,) = recorded("rollback.ordered")
    assert (ordered["to"], ordered["reason"]) == (target.start_commit, "it was slower")


def test_the_candidate_that_was_champion_is_rolled_back_in_the_trail_too() -> None:
    target, candidate = released()
    releasing.finish_release(roll_back(target).pk)
    assert make.fresh(candidate).state == "rolled_back"
    assert recorded("candidate.rolled_back") == [{"to": target.start_commit, "reason": "it was slower"}]
    trail.assert_holds()


def test_the_run_whose_champion_goes_hears_of_it_though_it_is_over() -> None:
    target, candidate = released()
    run = candidate.run
    assert run is not None
    runs.complete(run.pk, budget=loop.budget(run), reason="the budget is spent", now=timezone.now())
    releasing.finish_release(roll_back(target).pk)
    run.refresh_from_db()
    chart = charts.chart(run)
    assert chart.champion[-1] == (run.evaluations, 1.0)
    assert [number for _, _, number in chart.countersigned] == [candidate.pk]
    assert [number for _, _, number in chart.taken_back] == [candidate.pk]


def test_a_rollback_past_a_takeover_brings_the_former_evaluator_back() -> None:
    target = make.target()
    evaluator = target.evaluator_digest
    releasing.finish_release(make.ordered_takeover(target, {"evaluator.py": make.EVALUATOR.encode() + b"\n"}).pk)
    target.refresh_from_db()
    assert target.evaluator_digest != evaluator
    releasing.finish_release(roll_back(target).pk)
    target.refresh_from_db()
    assert target.evaluator_digest == evaluator


@pytest.mark.parametrize("moved", [False, True])
def test_a_rollback_that_died_is_finished_once(moved: bool) -> None:
    target, _ = released()
    release = roll_back(target)
    commit = begin(release)
    if moved:
        repository(target.name).advance(commit, expected=target.champion_commit)
    releasing.finish_release(release.pk)
    releasing.finish_release(release.pk)
    assert_champion_is(target, release.commit or repository(target.name).head(), 1.0)
    assert len(recorded("rollback.done")) == 1
    trail.assert_holds()


def test_a_rollback_is_allowed_while_everything_is_stopped() -> None:
    target, _ = released()
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    releasing.finish_release(roll_back(target).pk)
    target.refresh_from_db()
    assert target.champion_score == 1.0
    trail.assert_holds()


def test_a_release_that_waits_for_the_stop_to_end_gives_way_to_a_rollback() -> None:
    target, _ = released()
    waiting = make.reviewed_candidate(make.run(target, seed=2), 3.0)
    make.vote(waiting, make.alice())
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    releasing.finish_release(make.intended_release(target).pk)
    releasing.finish_release(roll_back(target).pk)
    target.refresh_from_db()
    assert (target.champion_score, make.fresh(waiting).state) == (1.0, "stale")
    trail.assert_holds()


def test_a_second_rollback_waits_for_the_first() -> None:
    target, _ = released()
    roll_back(target)
    with pytest.raises(Conflict, match="Another release of this target is being carried out"):
        roll_back(target)


@pytest.mark.parametrize(
    ("changes", "refusal", "said"),
    [
        ({"reason": " "}, Invalid, "Say why you roll back"),
        ({"actor": SYSTEM}, NotAllowed, "Only a person can roll a champion back"),
        ({"to": "1234567890"}, NotFound, "1234567890 was never the champion of small"),
        ({"to": "123"}, Invalid, "at least 7 characters"),
    ],
)
def test_a_rollback_that_cannot_be_is_refused(changes: dict[str, object], refusal: type, said: str) -> None:
    target, _ = released()
    with pytest.raises(refusal, match=said):
        roll_back(target, **changes)
    assert not Release.objects.filter(kind="rollback").exists()


def test_a_rollback_to_the_champion_itself_is_refused() -> None:
    target, _ = released()
    with pytest.raises(Conflict, match="is the champion already"):
        roll_back(target, to=target.champion_commit)


@pytest.mark.parametrize("role", ["viewer", "operator", "reviewer", "admin", "auditor"])
def test_who_may_roll_back(role: str) -> None:
    target, _ = released()
    somebody = make.human(make.user(f"a-{role}", role))
    if role in {"reviewer", "admin"}:
        assert roll_back(target, actor=somebody).state == "intended"
    else:
        with pytest.raises(NotAllowed, match=f"a-{role} may not {Right.ROLL_BACK.value}"):
            roll_back(target, actor=somebody)
