"""When the champion moves, everything else is judged anew: others in review, and the votes on them."""

from __future__ import annotations

import pytest

from improvement.models import Candidate, Evaluation, Review, Target
from improvement.runner import confirming, releasing
from improvement.selectors import loop
from tests import factories as make
from tests import trail
from tests.integration.runner.champions import (
    confirmed_again,
)
from tests.trail import recorded

pytestmark = pytest.mark.django_db


def test_others_in_review_are_confirmed_again_or_superseded() -> None:
    target = make.target()
    winner = make.reviewed_candidate(make.run(target, seed=1), 3.0)
    better = make.reviewed_candidate(make.run(target, seed=2), 4.0)
    worse = make.reviewed_candidate(make.run(target, seed=3), 2.0)
    under_way = make.confirming_candidate(make.run(target, seed=4), 5.0)
    hopeless = make.confirming_candidate(make.run(target, seed=5), 1.5)
    make.vote(winner, make.alice())
    releasing.finish_release(make.intended_release(target).pk)
    everyone = [winner, better, worse, under_way, hopeless]
    assert make.values(everyone) == ["released", "stale", "superseded", "stale", "superseded"]
    assert Evaluation.objects.filter(state="queued").count() == 0
    assert [make.review_of(one).state for one in (better, worse)] == ["suspended", "closed"]
    for candidate in (better, under_way):
        assert confirmed_again(candidate).state == "in_review"
        assert make.fresh(candidate).base_commit == Target.objects.get().champion_commit
    trail.assert_holds()


def test_one_stale_candidate_at_a_time_is_confirmed_again_and_only_when_nothing_is_open() -> None:
    target = make.target()
    winner, first, second = (make.reviewed_candidate(make.run(target, seed=s), float(s + 1)) for s in (1, 2, 3))
    make.vote(winner, make.alice())
    releasing.finish_release(make.intended_release(target).pk)
    assert loop.stale_next(target.pk) == first
    confirming.confirm_again(first.pk)
    assert loop.stale_next(target.pk) is None
    make.settle(first)
    assert loop.stale_next(target.pk) is None
    make.vote(first, make.alice(), "reject", reason="too clever")
    assert loop.stale_next(target.pk) == second


# Votes across a rebase


def voted_and_moved(changes: dict[str, bytes | None]) -> tuple[Target, Candidate]:
    """Return a candidate that bob, one of two whom the policy asks, approved before the champion moved elsewhere."""
    bob, _, target = make.bob(), make.carol(), make.target()
    make.follow("team")
    candidate = make.reviewed_candidate(make.run(target))
    Review.objects.filter(candidate=candidate).update(tier="high", needed=2)
    make.vote(candidate, bob)
    make.move_champion_elsewhere(target, changes)
    return target, candidate


def test_a_vote_is_suspended_while_the_champion_moves() -> None:
    _, candidate = voted_and_moved({"NOTES": b"Elsewhere.\n"})
    review = make.review_of(candidate)
    assert (make.fresh(candidate).state, review.state, review.votes.get().suspended) == ("stale", "suspended", True)


def test_a_pure_rebase_within_the_signed_envelope_carries_the_vote() -> None:
    _, candidate = voted_and_moved({"NOTES": b"Elsewhere.\n"})
    again = confirmed_again(candidate)
    vote = make.review_of(again).votes.get()
    assert (vote.person.username, vote.suspended, vote.base_commit) == ("bob", False, again.base_commit)
    (recount,) = recorded("review.vote_recounted")
    assert recount["user"] == f"user:{vote.person_id}"
    trail.assert_holds()


def test_a_vote_is_carried_over_two_rebases() -> None:
    target, candidate = voted_and_moved({"NOTES": b"Elsewhere.\n"})
    confirmed_again(candidate)
    make.move_champion_elsewhere(target, {"NOTES": b"Once more.\n"})
    again = confirmed_again(candidate)
    assert (again.revision, make.review_of(again).votes.get().suspended) == (3, False)
    trail.assert_holds()


def test_a_rebase_with_evidence_outside_the_signed_envelope_leaves_the_vote_suspended() -> None:
    _, candidate = voted_and_moved({"NOTES": b"Elsewhere.\n"})
    confirming.confirm_again(candidate.pk)
    again = make.settle(candidate, make.barely_better)
    assert again.state == "in_review"
    assert make.review_of(again).votes.get().suspended is True
    assert recorded("review.vote_recounted") == []
    trail.assert_holds()


def test_a_rebase_onto_another_program_asks_people_again() -> None:
    target, candidate = voted_and_moved({"f.py": make.program(1.5).encode()})
    again = confirmed_again(candidate)
    assert again.state == "withdrawn", "both changed the same line"
    assert target.releases.filter(kind="release").count() == 0
    trail.assert_holds()
