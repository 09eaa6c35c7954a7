"""Votes: by whom, on exactly what, what each decides, and every way to be refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from improvement.exceptions import AlreadyDecided, CountersignError, Invalid, NotAllowed, NotFound, StaleDecision
from improvement.models import Candidate, Release, Review, Run, Vote
from improvement.runner import confirming
from improvement.services import people, reviews
from improvement.services.actors import SYSTEM, Actor, human
from tests import factories as make
from tests import trail

pytestmark = pytest.mark.django_db


@pytest.fixture
def solo() -> Candidate:
    """Give a candidate of alice's own run, in review while she is alone."""
    return make.reviewed_candidate(make.run())


@pytest.fixture
def team() -> Candidate:
    """Give a candidate of alice's run that bob and carol may decide about."""
    make.bob(), make.carol()
    make.follow("team")
    return make.reviewed_candidate(make.run())


def assert_nothing_happened(candidate: Candidate, events: int) -> None:
    """Check that a refused vote left no trace."""
    assert (make.fresh(candidate).state, Vote.objects.count(), trail.size()) == ("in_review", 0, events)


# What a vote decides


@pytest.mark.parametrize(
    ("verdict", "state", "outcome", "events"),
    [
        ("approve", "approved", "approved", ["review.voted", "review.approved"]),
        ("reject", "rejected", "rejected", ["review.voted", "review.rejected"]),
        ("request_changes", "changes_requested", "changes_requested", ["review.voted", "review.changes_requested"]),
        ("abstain", "in_review", "", ["review.voted"]),
    ],
)
def test_a_verdict_decides_and_is_recorded(
    team: Candidate, verdict: str, state: str, outcome: str, events: list[str]
) -> None:
    before = trail.size()
    vote = make.vote(team, make.bob(), verdict, reason="because")
    assert (make.fresh(team).state, make.review_of(team).outcome) == (state, outcome)
    assert trail.kinds_since(before) == events
    stated = {"verdict": verdict, "reason": "because", "self_countersigned": False, "via": "web"}
    assert trail.recorded("review.voted") == [stated]
    assert vote.audit_seq == before
    assert Release.objects.filter(kind="release").count() == (verdict == "approve")
    trail.assert_holds()


def test_a_vote_signs_exactly_what_was_shown(team: Candidate) -> None:
    digests = make.shown(team)
    vote = make.vote(team, make.bob(), "abstain")
    assert (vote.patch_digest, vote.base_commit, vote.evidence_digest, vote.policy_digest) == (
        digests.patch,
        digests.base,
        digests.evidence,
        digests.policy,
    )
    assert (vote.envelope["metric"], vote.envelope["holdout_not_worse"]) == ("score", True)
    assert 0 < float(vote.envelope["low"]) < 1


def test_a_reason_reaches_the_strategy_unless_the_reviewer_keeps_it(team: Candidate) -> None:
    kept = reviews.vote(
        team.pk,
        verdict="reject",
        digests=make.shown(team),
        reason="between us",
        actor=make.bob(),
        now=timezone.now(),
        share_reason=False,
    )
    assert kept.share_reason is False
    ((_, decision),) = make.loop.undelivered_decisions(team.run_id or 0)
    assert (decision.verdict, decision.reason) == ("rejected", "")


def test_a_change_of_mind_before_the_decision_replaces_the_vote(team: Candidate) -> None:
    make.vote(team, make.bob(), "abstain")
    make.vote(team, make.bob(), "approve")
    told = Vote.objects.order_by("pk").values_list("verdict", "replaced")
    assert list(told) == [("abstain", True), ("approve", False)]
    assert make.fresh(team).state == "approved"
    trail.assert_holds()


def test_the_same_vote_again_is_the_same_vote(team: Candidate) -> None:
    first = make.vote(team, make.bob(), "abstain")
    events = trail.size()
    assert make.vote(team, make.bob(), "abstain") == first
    assert (Vote.objects.count(), trail.size()) == (1, events)


def test_two_approvals_are_two_people(team: Candidate) -> None:
    Review.objects.update(tier="high", needed=2)
    make.vote(team, make.bob())
    make.vote(team, make.bob(), "abstain")
    make.vote(team, make.bob())
    assert make.fresh(team).state == "in_review"
    make.vote(team, make.carol())
    assert make.fresh(team).state == "approved"


# By whom

STATES = ["in_review", "approved", "rejected", "stale", "expired"]


def brought_to(state: str) -> Candidate:
    """Return a candidate in a state that bob had a part in."""
    bob, target = make.bob(), make.target()
    make.follow("team")
    candidate = make.reviewed_candidate(make.run(target))
    if state in {"approved", "rejected"}:
        make.vote(candidate, bob, {"approved": "approve", "rejected": "reject"}[state])
    if state == "stale":
        make.move_champion_elsewhere(target, {"NOTES": b"Elsewhere.\n"})
    if state == "expired":
        reviews.expire_due(now=timezone.now() + timedelta(days=15))
    assert make.fresh(candidate).state == state
    return candidate


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", ["viewer", "operator", "reviewer", "admin", "auditor"])
def test_who_may_vote_when(state: str, role: str) -> None:
    candidate = brought_to(state)
    somebody = human(make.user(f"a-{role}", role))
    expected: type[CountersignError] | None = {"in_review": None, "stale": StaleDecision}.get(state, AlreadyDecided)
    if expected is None and role not in {"reviewer", "admin"}:
        expected = NotAllowed
    votes = Vote.objects.count()
    if expected is None:
        make.vote(candidate, somebody, "abstain")
        assert Vote.objects.count() == votes + 1
    else:
        with pytest.raises(expected):
            make.vote(candidate, somebody, "abstain")
        assert Vote.objects.count() == votes


def test_a_reviewer_who_was_narrowed_on_this_target_may_not_vote(team: Candidate) -> None:
    alice, bob = make.alice(), make.bob()
    people.change_role(bob.person_id or 0, role="viewer", target_name="small", actor=alice, now=timezone.now())
    events = trail.size()
    with pytest.raises(NotAllowed, match="bob may not review candidates"):
        make.vote(team, make.bob())
    assert_nothing_happened(team, events)


def test_no_machine_votes(team: Candidate) -> None:
    events = trail.size()
    with pytest.raises(NotAllowed, match="Only a person can vote"):
        make.vote(team, SYSTEM)
    assert_nothing_happened(team, events)


def test_somebody_locked_out_may_not_vote(team: Candidate) -> None:
    people.set_active(make.bob().person_id or 0, False, actor=make.alice(), now=timezone.now())
    events = trail.size()
    with pytest.raises(NotAllowed):
        make.vote(team, make.bob())
    assert_nothing_happened(team, events)


@pytest.mark.parametrize("verdict", ["approve", "reject", "request_changes"])
def test_under_team_nobody_decides_about_what_they_started(team: Candidate, verdict: str) -> None:
    events = trail.size()
    with pytest.raises(NotAllowed, match="You started or edited what is under review"):
        make.vote(team, make.alice(), verdict)
    assert_nothing_happened(team, events)


def test_under_solo_a_self_countersignature_counts_and_is_marked_for_ever(solo: Candidate) -> None:
    vote = make.vote(solo, make.alice(), reason="I read it twice")
    assert vote.self_countersigned is True
    assert make.fresh(solo).state == "approved"
    assert trail.recorded("review.voted")[0]["self_countersigned"] is True
    trail.assert_holds()


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_a_self_countersignature_needs_a_reason(solo: Candidate, reason: str) -> None:
    events = trail.size()
    with pytest.raises(Invalid, match="approving it needs a typed reason"):
        make.vote(solo, make.alice(), reason=reason)
    assert_nothing_happened(solo, events)


def test_somebody_elses_approval_needs_no_reason_and_is_not_marked(solo: Candidate) -> None:
    assert make.vote(solo, make.bob(), reason="").self_countersigned is False


# On exactly what


@pytest.mark.parametrize(
    ("name", "word"), [("patch", "change"), ("base", "champion"), ("evidence", "evidence"), ("policy", "policy")]
)
def test_a_vote_on_something_else_is_stale(team: Candidate, name: str, word: str) -> None:
    forged = replace(make.shown(team), **{name: "0" * 40})
    events = trail.size()
    with pytest.raises(StaleDecision) as refusal:
        make.vote(team, make.bob(), digests=forged)
    assert refusal.value.message == f"The {word} is no longer the one you were shown. Reload the page and look again."
    assert_nothing_happened(team, events)


@pytest.mark.parametrize("verdict", ["reject", "request_changes"])
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_an_objection_needs_a_reason(team: Candidate, verdict: str, reason: str) -> None:
    events = trail.size()
    with pytest.raises(Invalid, match="Say why"):
        make.vote(team, make.bob(), verdict, reason=reason)
    assert_nothing_happened(team, events)


@pytest.mark.parametrize("verdict", ["", "APPROVE", "yes", "approve "])
def test_a_verdict_that_is_none_is_refused(team: Candidate, verdict: str) -> None:
    events = trail.size()
    with pytest.raises(Invalid, match="is no verdict: approve, reject, request_changes or abstain"):
        make.vote(team, make.bob(), verdict)
    assert_nothing_happened(team, events)


def test_a_vote_after_the_deadline_is_not_counted_even_before_anybody_closed_the_review(team: Candidate) -> None:
    Review.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    events = trail.size()
    with pytest.raises(AlreadyDecided, match=f"The deadline for C-{team.pk} passed at "):
        make.vote(team, make.bob())
    assert_nothing_happened(team, events)
    assert reviews.expire_due(now=timezone.now()) == 1
    assert make.fresh(team).state == "expired"


def test_a_late_vote_is_told_who_decided_what(team: Candidate) -> None:
    make.vote(team, make.bob(), "reject", reason="too clever")
    with pytest.raises(AlreadyDecided) as refusal:
        make.vote(team, make.carol())
    assert refusal.value.http_status == 409
    assert refusal.value.message.startswith(f"C-{team.pk} was already rejected at ")
    assert refusal.value.message.endswith(" UTC (bob: reject). Your decision was not counted.")


@pytest.mark.parametrize("verdict", ["approve", "reject", "request_changes"])
def test_the_vote_that_decided_may_be_sent_again(team: Candidate, verdict: str) -> None:
    digests, bob = make.shown(team), make.bob()
    first = make.vote(team, bob, verdict)
    events = trail.size()
    assert make.vote(team, bob, verdict, digests=digests) == first
    assert (Vote.objects.count(), trail.size()) == (1, events)


def test_a_vote_while_the_champion_moved_is_told_to_wait(team: Candidate) -> None:
    digests = make.shown(team)
    make.move_champion_elsewhere(team.target, {"NOTES": b"Elsewhere.\n"})
    with pytest.raises(StaleDecision, match="It comes back to review with new evidence"):
        make.vote(team, make.bob(), digests=digests)


def test_a_suspended_vote_can_be_cast_again_on_the_new_evidence(team: Candidate) -> None:
    Review.objects.update(tier="high", needed=2)
    make.vote(team, make.bob())
    make.move_champion_elsewhere(team.target, {"NOTES": b"Elsewhere.\n"})
    confirming.confirm_again(team.pk)
    again = make.settle(team, make.barely_better)
    make.vote(again, make.bob())
    standing = make.review_of(again).votes.filter(replaced=False)
    assert [(vote.person.username, vote.suspended) for vote in standing] == [("bob", False)]
    trail.assert_holds()


def test_a_candidate_that_was_never_reviewed_cannot_be_voted_on() -> None:
    (candidate,) = make.measured_candidates(make.run(), 2.0)
    bob, digests = make.bob(), None
    for candidate_id, said in ((candidate.pk, "was never sent to review"), (9999, "There is no candidate C-9999")):
        with pytest.raises(NotFound, match=said):
            reviews.vote(
                candidate_id, verdict="approve", digests=digests, reason="", actor=bob, now=timezone.now()  # type: ignore[arg-type]
            )  # fmt: skip


# What stops counting


def test_an_approver_who_was_locked_out_stops_counting(team: Candidate) -> None:
    Review.objects.update(tier="high", needed=2)
    make.vote(team, make.bob())
    people.set_active(make.bob().person_id or 0, False, actor=make.alice(), now=timezone.now())
    make.vote(team, make.carol())
    assert make.fresh(team).state == "in_review"
    people.set_active(make.user("bob").pk, True, actor=make.alice(), now=timezone.now())
    assert reviews.settle_approved(now=timezone.now()) == 1


def test_a_policy_that_becomes_stricter_asks_everybody_again(solo: Candidate) -> None:
    make.vote(solo, make.bob(), "abstain")
    make.follow("team")
    review = make.review_of(solo)
    assert (review.state, review.policy.preset) == ("open", "team")
    assert trail.recorded("review.opened")[-1] == {"tier": "low", "required": 1, "because": "the policy changed"}
    make.vote(solo, make.bob())
    assert make.fresh(solo).state == "approved"
    trail.assert_holds()


# Looking, and being superseded


def another(candidate: Candidate, value: float) -> Candidate:
    """Return a later candidate of the same run, in review too."""
    run = Run.objects.get(pk=candidate.run_id)
    return make.reviewed_candidate(run, value)


def test_a_better_candidate_supersedes_one_that_nobody_looked_at(team: Candidate) -> None:
    another(team, 3.0)
    assert (make.fresh(team).state, make.review_of(team).outcome) == ("superseded", "superseded")
    trail.assert_holds()


def voted(candidate: Candidate, bob: Actor) -> None:
    """Say something about a candidate."""
    make.vote(candidate, bob, "abstain")


def opened(candidate: Candidate, bob: Actor) -> None:
    """Have a candidate open on a screen."""
    reviews.look(candidate.pk, actor=bob, now=timezone.now())


@pytest.mark.parametrize("attend", [voted, opened])
def test_a_review_that_somebody_attends_to_is_never_superseded(team: Candidate, attend: object) -> None:
    attend(team, make.bob())  # type: ignore[operator]
    another(team, 3.0)
    assert make.fresh(team).state == "in_review"


def test_looking_claims_for_five_minutes_and_for_one_person(team: Candidate) -> None:
    now = timezone.now()
    reviews.look(team.pk, actor=make.mallory(), now=now)
    assert make.review_of(team).claimed_by is None
    reviews.look(team.pk, actor=make.bob(), now=now)
    reviews.look(team.pk, actor=make.carol(), now=now + timedelta(minutes=4))
    assert make.review_of(team).claimed_by == make.user("bob")
    reviews.look(team.pk, actor=make.carol(), now=now + timedelta(minutes=6))
    assert make.review_of(team).claimed_by == make.user("carol")


def test_a_deadline_closes_a_review_once(team: Candidate) -> None:
    late = timezone.now() + timedelta(days=15)
    assert [reviews.expire_due(now=timezone.now()), reviews.expire_due(now=late), reviews.expire_due(now=late)] == [
        0,
        1,
        0,
    ]
    assert make.fresh(team).state == "expired"
    trail.assert_holds()
