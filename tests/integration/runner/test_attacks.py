"""Ways round the gate, the holdout and the stop that somebody tried, each closed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from improvement import installation
from improvement.engine.measurement import Measurement
from improvement.exceptions import NotAllowed
from improvement.models import Candidate, Release, Run, Vote
from improvement.runner import advancing, confirming, releasing, ticking
from improvement.selectors import filesets
from improvement.selectors import reviews as read_reviews
from improvement.selectors.people import person_of
from improvement.services import champions, halt, people, policies
from improvement.services.actors import Actor, human
from improvement.services.evaluations import Order
from tests import factories as make
from tests import trail
from tests.integration.runner.champions import begin, released

pytestmark = pytest.mark.django_db


@pytest.fixture
def half_approved(monkeypatch: pytest.MonkeyPatch) -> Candidate:
    """Give a candidate that two people must approve, and that bob approved."""
    monkeypatch.setattr(make, "MANIFEST", make.MANIFEST.replace('kind = "code"', 'kind = "strategy"'))
    bob = make.bob()
    make.carol()
    make.follow("team")
    candidate = make.reviewed_candidate(make.run())
    make.vote(candidate, bob)
    assert read_reviews.standing(make.review_of(candidate), person_of(make.user("bob"))).approvals == 1
    return make.fresh(candidate)


def test_a_vote_does_not_count_for_what_another_evaluator_measured(half_approved: Candidate) -> None:
    candidate = half_approved
    evaluator = f"{make.EVALUATOR}\n# measures something else\n".encode()
    make.move_champion_elsewhere(candidate.target, {"evaluator.py": evaluator})

    confirming.confirm_again(candidate.pk)
    make.settle(candidate)

    again = make.review_of(candidate)
    assert [vote.suspended for vote in Vote.objects.filter(review=again)] == [True]
    assert trail.recorded("review.vote_recounted") == []


def test_a_policy_that_comes_back_brings_no_votes_back(half_approved: Candidate) -> None:
    for when_waiting in ("park", "explore"):
        policies.choose_preset(
            "team", when_waiting=when_waiting, actor=make.alice(), reason="again", now=timezone.now()
        )

    assert read_reviews.standing(make.review_of(half_approved), person_of(make.user("bob"))).approvals == 0


@pytest.mark.parametrize("passes", [True, False])
def test_what_is_nominated_next_tells_nothing_of_the_holdout(passes: bool) -> None:
    run = make.run(budget=5000)
    first = make.settle(make.confirming_candidate(run, 2.0), _holdout_that(passes))
    assert (first.state == "in_review") is passes
    probe, *_ = make.measured_candidates(run, 1.5, 1.2, 1.1, 1.15)
    Run.objects.filter(pk=run.pk).update(evaluations=2500)

    nominated = advancing._nominate(Run.objects.select_related("target", "policy").get(pk=run.pk), ending=False)

    assert (nominated, make.fresh(probe).state) == (False, "measured")


def test_nobody_brings_back_their_own_change_that_others_rolled_back() -> None:
    mallory = human(make.user("mallory", "reviewer"))
    target, bob = make.target(), make.bob()
    make.follow("team")
    candidate = make.reviewed_candidate(make.run(target, actor=mallory))
    make.vote(candidate, bob)
    release = make.intended_release(target)
    releasing.finish_release(release.pk)
    release.refresh_from_db()
    _roll_back(release, to=target.start_commit, actor=bob)

    with pytest.raises(NotAllowed, match="somebody else must decide"):
        _roll_back(release, to=release.commit, actor=mallory)
    _roll_back(release, to=release.commit, actor=bob)
    trail.assert_holds()


@pytest.mark.parametrize("kind", ["takeover", "rollback"])
def test_a_move_ordered_by_somebody_locked_out_since_is_not_made(kind: str) -> None:
    target, _ = released()
    dave = human(make.user("dave", "admin"))
    if kind == "takeover":
        ordered = make.ordered_takeover(target, {"f.py": make.program(4.0).encode()}, actor=dave)
    else:
        ordered = champions.order_rollback(
            target.name, to=target.start_commit, actor=dave, reason="slower", now=timezone.now()
        )
    people.set_active(dave.person_id or 0, False, actor=make.alice(), now=timezone.now())

    releasing.finish_release(ordered.pk)

    ordered.refresh_from_db()
    champion = target.champion_commit
    target.refresh_from_db()
    assert (ordered.state, target.champion_commit) == ("failed", champion)


def test_a_rollback_under_halt_passes_a_release_that_died_before_the_branch_moved() -> None:
    target, _ = released()
    candidate = make.reviewed_candidate(make.run(target, seed=2), 3.0)
    make.vote(candidate, make.alice())
    release = make.intended_release(target)
    begin(release)
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    releasing.finish_release(release.pk)

    _roll_back(release, to=target.start_commit, actor=make.alice())

    release.refresh_from_db()
    target.refresh_from_db()
    assert (release.state, target.champion_score) == ("failed", 1.0)
    trail.assert_holds()


def test_somebody_locked_out_is_not_one_of_two_who_lift_a_stop() -> None:
    make.bob()
    dave = make.user("dave", "reviewer")
    make.follow("team")
    halt.halt(actor=make.bob(), reason="drill", now=timezone.now())
    halt.resume(actor=human(dave), reason="go on", now=timezone.now())
    people.set_active(dave.pk, False, actor=make.alice(), now=timezone.now())

    asked = halt.resume(actor=make.alice(), reason="go on", now=timezone.now())
    assert asked.lifted_at is None
    assert halt.resume(actor=make.bob(), reason="agreed", now=timezone.now()).lifted_at is not None


def test_a_flag_that_was_lost_under_a_stop_is_raised_again() -> None:
    halt.halt(actor=make.alice(), reason="drill", now=timezone.now())
    installation.lower_flag(installation.halt_file())

    ticking.tick()

    assert installation.halt_file().exists()


def _roll_back(release: Release, *, to: str, actor: Actor) -> None:
    ordered = champions.order_rollback(release.target.name, to=to, actor=actor, reason="it leaks", now=timezone.now())
    releasing.finish_release(ordered.pk)


def _holdout_that(passes: bool) -> Callable[[Order], Measurement]:
    """Answer honestly, but on the holdout as told."""

    def answer(order: Order) -> Measurement:
        honest = make.measured(order)
        value = make.number_in(filesets.load(order.files_digest)["f.py"])
        if order.stage == "holdout" and not passes:
            return make.ok(-value, evaluator_digest=honest.evaluator_digest)
        return honest

    return answer
