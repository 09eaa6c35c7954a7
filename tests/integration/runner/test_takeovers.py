"""A commit made elsewhere becomes champion: intent, branch and record agree whenever the process dies."""

from __future__ import annotations

import pytest
from django.utils import timezone

from improvement.exceptions import ChampionMoved, Conflict, Halted, Invalid, NotAllowed
from improvement.models import Release, Target
from improvement.runner import edits, releasing
from improvement.runner.repositories import repository
from improvement.services import champions, halt
from improvement.services.actors import SYSTEM
from tests import by_hand, trail
from tests import factories as make
from tests.integration.runner.champions import approved, assert_champion_is, begin
from tests.trail import recorded

pytestmark = pytest.mark.django_db

ELSEWHERE: dict[str, bytes | None] = {"f.py": make.program(4.0).encode()}


def commit_elsewhere(target: Target) -> str:
    """Make a commit on the champion as somebody in a clone would; no branch moves."""
    repo = repository(target.name)
    return repo.commit(repo.head(), ELSEWHERE, message="m", author=make.SOMEBODY, when=timezone.now())


def order(target: Target, **changes: object) -> Release:
    """Order that a commit made elsewhere becomes champion."""
    stated = {"previous": target.champion_commit, "commit": commit_elsewhere(target), "tree": "t", "score": 4.0}
    by_alice = {"actor": make.alice(), "reason": "merged by hand", "now": timezone.now()}
    return champions.order_takeover(target.name, **{**stated, **by_alice, **changes})  # type: ignore[arg-type]


def test_the_order_and_the_move_are_both_in_the_trail_in_the_name_of_who_ordered_it() -> None:
    target = make.target()
    ordered = make.ordered_takeover(target, ELSEWHERE)
    assert (ordered.state, ordered.commit, repository(target.name).head()) == ("intended", "", target.start_commit)
    (told,) = recorded("champion.external_ordered")
    assert told == {
        "commit": ordered.ordered_commit,
        "tree": repository(target.name).tree_id(ordered.ordered_commit),
        "previous": target.start_commit,
        "reason": "merged by hand",
    }
    releasing.finish_release(ordered.pk)
    ordered.refresh_from_db()
    assert (ordered.state, ordered.approved_by, ordered.ordered_by_id) == ("done", [], make.alice().person_id)
    assert_champion_is(target, ordered.ordered_commit, 4.0)
    assert recorded("champion.external") == [told]
    trail.assert_holds()


@pytest.mark.parametrize("died", ["before it began", "before the branch moved", "after the branch moved"])
def test_a_takeover_that_died_is_finished_once(died: str) -> None:
    target = make.target()
    ordered = make.ordered_takeover(target, ELSEWHERE)
    if died != "before it began":
        commit = begin(ordered)
        if died == "after the branch moved":
            repository(target.name).advance(commit, expected=target.start_commit)
            halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    releasing.finish_release(ordered.pk)
    releasing.finish_release(ordered.pk)
    assert_champion_is(target, ordered.ordered_commit, 4.0)
    assert len(recorded("champion.external")) == 1
    assert trail.verdict().problems == ()


def test_a_takeover_waits_while_everything_is_stopped() -> None:
    target = make.target()
    ordered = make.ordered_takeover(target, ELSEWHERE)
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    releasing.finish_release(ordered.pk)
    assert_champion_is(target, target.start_commit, 1.0)
    with pytest.raises(Halted):
        champions.check_may_take_over(target, actor=make.alice(), reason="so")
    halt.resume(actor=make.alice(), reason="no fire", now=timezone.now())
    releasing.finish_release(ordered.pk)
    assert_champion_is(target, ordered.ordered_commit, 4.0)
    trail.assert_holds()


def test_a_branch_that_somebody_moved_meanwhile_stays_and_the_takeover_ends() -> None:
    target = make.target()
    ordered = make.ordered_takeover(target, ELSEWHERE)
    by_hand.forge_head(target)
    releasing.finish_release(ordered.pk)
    ordered.refresh_from_db()
    target.refresh_from_db()
    assert (ordered.state, target.champion_commit) == ("failed", target.start_commit)
    assert len(recorded("release.failed")) == 1
    trail.assert_holds()


def test_a_rollback_makes_a_takeover_that_waits_give_way() -> None:
    target = make.target()
    releasing.finish_release(make.ordered_takeover(target, {"NOTES": b"Elsewhere.\n"}).pk)
    waiting = make.ordered_takeover(target, ELSEWHERE)
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    back = champions.order_rollback(
        target.name, to=target.start_commit, actor=make.alice(), reason="it smells", now=timezone.now()
    )
    releasing.finish_release(back.pk)
    waiting.refresh_from_db()
    assert waiting.state == "failed"
    assert_champion_is(target, Release.objects.get(pk=back.pk).commit, 1.0)
    trail.assert_holds()


def test_one_move_at_a_time() -> None:
    target, _, _ = approved()
    with pytest.raises(Conflict, match="A release of small is being carried out"):
        order(target)


@pytest.mark.parametrize(
    ("changes", "refusal", "said"),
    [
        ({"reason": " "}, Invalid, "Say why this commit becomes champion without a review"),
        ({"actor": SYSTEM}, NotAllowed, "Only a person can take over"),
        ({"previous": "0" * 40}, ChampionMoved, "moved while the commit was measured"),
    ],
)
def test_a_takeover_that_cannot_be_is_refused(changes: dict[str, object], refusal: type, said: str) -> None:
    target = make.target()
    with pytest.raises(refusal, match=said):
        order(target, **changes)
    assert not Release.objects.filter(kind="external").exists()
    assert recorded("champion.external_ordered") == []


@pytest.mark.parametrize("role", ["viewer", "operator", "reviewer", "auditor"])
def test_only_an_administrator_takes_over(role: str) -> None:
    target = make.target()
    with pytest.raises(NotAllowed):
        order(target, actor=make.human(make.user(f"a-{role}", role)))


def test_nothing_is_measured_for_somebody_who_may_not() -> None:
    target = make.target()
    with pytest.raises(NotAllowed):
        edits.pull_champion(target, source="", branch="main", actor=make.bob(), reason="mine")
