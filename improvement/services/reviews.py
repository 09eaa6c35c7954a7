"""Reviews: looking at a case, voting on exactly what was shown, and what a vote decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from improvement import dispatch, events, permissions, policies
from improvement.engine.decisions import Ground
from improvement.engine.evidence import Evidence, envelope_around
from improvement.engine.wording import counted
from improvement.exceptions import AlreadyDecided, Conflict, Invalid, NotAllowed, NotFound, StaleDecision
from improvement.models import Candidate, Release, Review, Run, Vote
from improvement.permissions import Person, Right
from improvement.policies import Digests
from improvement.selectors import reviews as read
from improvement.selectors import system
from improvement.services import audit, reasons
from improvement.services.actors import SYSTEM, Actor, require_person
from improvement.services.policies import parsed
from improvement.services.transitions import move_candidate
from improvement.states import RUN_ENDS, CandidateState, RunState

CLAIM = timedelta(minutes=5)
_DECIDED = {
    Vote.Verdict.REJECT: (CandidateState.REJECTED, "rejected"),
    Vote.Verdict.REQUEST_CHANGES: (CandidateState.CHANGES_REQUESTED, "changes_requested"),
}


@dataclass(frozen=True, slots=True)
class _Given:
    """A verdict as it was given, with what goes with it."""

    verdict: Vote.Verdict
    reason: str
    share_reason: bool
    grounds: tuple[Ground, ...]


@audit.turn()
def vote(
    candidate_id: int,
    *,
    verdict: str,
    digests: Digests,
    reason: str,
    actor: Actor,
    now: datetime,
    share_reason: bool = True,
    grounds: Sequence[str] = (),
) -> Vote:
    """Record one person's verdict on exactly the digests they were shown, and carry out what it decides.

    A repeated identical vote returns the first one, also when that decided the case. Raises ``AlreadyDecided`` or
    ``StaleDecision`` (409) for a late one, ``NotAllowed`` for a person who may not decide, ``Invalid`` when a reason
    is missing or one to tick is unknown, ``Conflict`` for an approval while comments on lines are open.
    """
    review, candidate = _locked(candidate_id)
    person = require_person(actor, "vote")
    earlier = Vote.objects.filter(review=review, person_id=person.id, replaced=False).first()
    may_vote = permissions.may(person, Right.REVIEW, review.target_id)
    if may_vote and earlier is not None and _same(earlier, verdict, digests):
        return earlier
    _check_open(review, now)
    permissions.check_may(person, Right.REVIEW, review.target_id)
    _check_digests(review, digests)
    own = person.id in read.involved(candidate)
    chosen = _check_verdict(review, verdict, reason, own=own)
    ticked = _check_grounds(grounds)
    if earlier is not None:
        Vote.objects.filter(pk=earlier.pk).update(replaced=True)
    given = _Given(chosen, reason.strip(), share_reason, ticked)
    cast = _cast(review, candidate, person, given, digests, own, actor, now)
    _carry_out(review, candidate, chosen, cast, now)
    return cast


@audit.turn()
def look(candidate_id: int, *, actor: Actor, now: datetime) -> None:
    """Note for five minutes that a reviewer has this case open, so that it is not replaced under their eyes.

    A stale one is confirmed again now: nobody waits for the queue to reach what somebody wants to read.
    """
    person = actor.person
    stale = Candidate.objects.filter(pk=candidate_id, state=CandidateState.STALE.value).first()
    if stale is not None and person is not None and permissions.may(person, Right.REVIEW, stale.target_id):
        _ask_to_confirm_again(stale, now)
        return
    review = (
        Review.objects.select_for_update(of=("self",))
        .filter(candidate_id=candidate_id, state=Review.State.OPEN)
        .first()
    )
    if review is None or person is None or not permissions.may(person, Right.REVIEW, review.target_id):
        return
    free = review.claimed_until is None or review.claimed_until < now
    if free or review.claimed_by_id == person.id:
        review.claimed_by_id, review.claimed_until = person.id, now + CLAIM
        review.save(update_fields=["claimed_by", "claimed_until"])


def _ask_to_confirm_again(stale: Candidate, now: datetime) -> None:
    """Hand it to the workers, unless everything is stopped or that was done less than five minutes ago."""
    asked = stale.confirm_asked_at
    if system.halted() or (asked is not None and asked + CLAIM > now):
        return
    Candidate.objects.filter(pk=stale.pk).update(confirm_asked_at=now)
    dispatch.enqueue_on_commit("confirm_again", candidate_id=stale.pk)


@audit.turn()
def expire_due(*, now: datetime) -> int:
    """Close the reviews whose deadline passed: not applied. Returns how many."""
    due = Review.objects.select_for_update(of=("self",)).exclude(state=Review.State.CLOSED).filter(expires_at__lte=now)
    closed = 0
    for review in due.select_related("candidate__run__target", "candidate__target"):
        if review.candidate.state in {CandidateState.IN_REVIEW.value, CandidateState.STALE.value}:
            close(review, "expired", now=now)
            move_candidate(review.candidate, CandidateState.EXPIRED, actor=SYSTEM, now=now, decided_at=now)
            closed += 1
    return closed


@audit.turn()
def settle_approved(*, now: datetime) -> int:
    """Carry out approvals that could not take effect when they were given (halt, another release in flight)."""
    settled = 0
    undecided = Review.objects.select_for_update(of=("self",)).filter(state=Review.State.OPEN, expires_at__gt=now)
    for review in undecided:
        if Vote.objects.filter(review=review, verdict=Vote.Verdict.APPROVE, replaced=False).exists():
            locked, candidate = _locked(review.candidate_id)
            settled += _approve_if_met(locked, candidate, now)
    return settled


def close(review: Review, outcome: str, *, now: datetime) -> None:
    """Close a review with an outcome; must be called inside a transaction."""
    review.state, review.outcome, review.closed_at = Review.State.CLOSED, outcome, now
    review.claimed_by, review.claimed_until = None, None
    review.save(update_fields=["state", "outcome", "closed_at", "claimed_by", "claimed_until"])


def _locked(candidate_id: int) -> tuple[Review, Candidate]:
    candidate = (
        Candidate.objects.select_for_update(of=("self",))
        .select_related("run__target", "target")
        .filter(pk=candidate_id)
        .first()
    )
    if candidate is None:
        raise NotFound(f"There is no candidate C-{candidate_id}.")
    review = read.latest(candidate_id)
    if review is None:
        raise NotFound(f"C-{candidate_id} was never sent to review.")
    return review, candidate


def _check_open(review: Review, now: datetime) -> None:
    name = f"C-{review.candidate_id}"
    if review.state == Review.State.CLOSED:
        raise AlreadyDecided(_who_decided(review))
    if review.state == Review.State.SUSPENDED:
        raise StaleDecision(
            f"The champion moved, so {name} is measured again. It comes back to review with new evidence."
        )
    if review.expires_at <= now:
        raise AlreadyDecided(
            f"The deadline for {name} passed at {review.expires_at:%H:%M on %d %B %Y} UTC. "
            "Your decision was not counted."
        )


def _who_decided(review: Review) -> str:
    said = [
        f"{v.person.get_username()}: {v.get_verdict_display().lower()}" for v in review.votes.all() if not v.replaced
    ]
    who = f" ({', '.join(said)})" if said else ""
    when = f" at {review.closed_at:%H:%M on %d %B %Y} UTC" if review.closed_at else ""
    outcome = review.outcome.replace("_", " ")
    return f"C-{review.candidate_id} was already {outcome}{when}{who}. Your decision was not counted."


def _same(earlier: Vote, verdict: str, digests: Digests) -> bool:
    named = Digests(earlier.patch_digest, earlier.base_commit, earlier.evidence_digest, earlier.policy_digest)
    return earlier.verdict == verdict and named == digests and not earlier.suspended


def _check_digests(review: Review, digests: Digests) -> None:
    shown = read.digests(review)
    for name in ("patch", "base", "evidence", "policy"):
        if getattr(shown, name) != getattr(digests, name):
            words = {"patch": "change", "base": "champion", "evidence": "evidence", "policy": "policy"}[name]
            raise StaleDecision(f"The {words} is no longer the one you were shown. Reload the page and look again.")


def _check_verdict(review: Review, verdict: str, reason: str, *, own: bool) -> Vote.Verdict:
    if verdict not in Vote.Verdict.values:
        raise Invalid(f"{verdict!r} is no verdict: approve, reject, request_changes or abstain.")
    chosen = Vote.Verdict(verdict)
    why = "Say why; the reason goes into the audit trail and back to the loop."
    reasons.checked(reason, needed=why if chosen in _DECIDED else "")
    if own and not parsed(review.policy).self_countersign:
        raise NotAllowed("You started or edited what is under review, so somebody else must decide.")
    if chosen is Vote.Verdict.APPROVE and (waiting := read.open_comments(review)):
        open_ones = counted(waiting, "comment on a line is", "comments on lines are")
        raise Conflict(f"{open_ones} open for C-{review.candidate_id}: resolve what was said, then countersign.")
    if own and chosen is Vote.Verdict.APPROVE and not reason.strip():
        raise Invalid("This is your own run: approving it needs a typed reason, and is marked as self-countersigned.")
    return chosen


def _check_grounds(grounds: Sequence[str]) -> tuple[Ground, ...]:
    known = {ground.value: ground for ground in Ground}
    for ground in grounds:
        if ground not in known:
            raise Invalid(f"{ground!r} is none of the reasons to tick: {', '.join(known)}.")
    return tuple(known[ground] for ground in known if ground in grounds)


def _cast(
    review: Review,
    candidate: Candidate,
    person: Person,
    given: _Given,
    digests: Digests,
    own: bool,
    actor: Actor,
    now: datetime,
) -> Vote:
    marked = own and given.verdict is Vote.Verdict.APPROVE
    ticked = {"grounds": list(given.grounds)} if given.grounds else {}
    seq = audit.append(
        "review.voted",
        actor=actor,
        subject=audit.candidate_subject(candidate),
        context=audit.review_context(review, review.policy),
        data={
            "verdict": given.verdict.value,
            "reason": given.reason,
            "self_countersigned": marked,
            "via": actor.via,
            **ticked,
        },
        run=candidate.run,
        target=candidate.target.name,
        now=now,
    )
    return Vote.objects.create(
        review=review,
        person_id=person.id,
        verdict=given.verdict,
        reason=given.reason,
        share_reason=given.share_reason,
        grounds=list(given.grounds),
        patch_digest=digests.patch,
        base_commit=digests.base,
        evidence_digest=digests.evidence,
        policy_digest=digests.policy,
        envelope=_envelope(review),
        self_countersigned=marked,
        via=actor.via,
        audit_seq=seq,
        at=now,
    )


def _envelope(review: Review) -> dict[str, object]:
    """What this vote accepts after a pure rebase, derived from the evidence that was shown."""
    around = envelope_around(Evidence.read(review.evidence.payload))
    return around.as_json() if around else {}


def _carry_out(review: Review, candidate: Candidate, verdict: Vote.Verdict, cast: Vote, now: datetime) -> None:
    if verdict in _DECIDED:
        state, outcome = _DECIDED[verdict]
        close(review, outcome, now=now)
        move_candidate(
            candidate, state, actor=SYSTEM, now=now, data={"reason": cast.reason}, decided_at=now, told=False
        )
        _announce(candidate, f"{cast.person.get_username()} {_words(verdict)} C-{candidate.pk}: “{cast.reason}”", now)
        if candidate.run is not None and RunState(candidate.run.state) in RUN_ENDS:
            withdraw_unanswered(candidate.run, now)
        _wake(candidate)
    elif verdict is Vote.Verdict.APPROVE:
        name = cast.person.get_username()
        how = " (self-countersigned)" if cast.self_countersigned else ""
        _announce(candidate, f"{name} countersigned C-{candidate.pk}{how}", now, kind="vote")
        fresh = read.latest(candidate.pk)
        if fresh is not None:
            _approve_if_met(fresh, candidate, now)


def _approve_if_met(review: Review, candidate: Candidate, now: datetime) -> bool:
    """Approve and order the release when the policy is satisfied at this moment and nothing else is in flight."""
    if not policies.can_release(read.case(review), parsed(review.policy)):
        return False
    if Release.objects.filter(target=candidate.target, state=Release.State.INTENDED).exists():
        return False
    close(review, "approved", now=now)
    move_candidate(candidate, CandidateState.APPROVED, actor=SYSTEM, now=now, decided_at=now)
    release = Release.objects.create(
        target=candidate.target,
        candidate=candidate,
        kind=Release.Kind.RELEASE,
        state=Release.State.INTENDED,
        previous_commit=candidate.base_commit,
        score=_fresh_score(review, candidate),
        previous_score=candidate.target.champion_score,
        created_at=now,
    )
    dispatch.enqueue_on_commit("finish_release", release_id=release.pk)
    return True


def _fresh_score(review: Review, candidate: Candidate) -> float | None:
    """Return the score on seeds that the candidate was not chosen by, which is recorded as the champion's."""
    row = Evidence.read(review.evidence.payload).primary
    return row.candidate if row is not None else candidate.score


def withdraw_unanswered(run: Run, now: datetime) -> None:
    """What people sent back for changes gets no answer from a run that is over."""
    sent_back = Candidate.objects.select_for_update(of=("self",)).filter(
        run=run, state=CandidateState.CHANGES_REQUESTED.value
    )
    reason = "Its run is over, so nobody answers."
    for candidate in sent_back.select_related("run", "target"):
        move_candidate(
            candidate, CandidateState.WITHDRAWN, actor=SYSTEM, now=now, data={"reason": reason}, message=reason
        )


def _words(verdict: Vote.Verdict) -> str:
    return {Vote.Verdict.REJECT: "rejected", Vote.Verdict.REQUEST_CHANGES: "asked for changes to"}[verdict]


def _announce(candidate: Candidate, text: str, now: datetime, kind: str = "") -> None:
    if candidate.run is not None:
        payload = {"id": candidate.pk, "x": candidate.evaluation_index, "y": candidate.score, "text": text}
        events.record(candidate.run, kind or f"candidate.{candidate.state}", payload, now=now)


def _wake(candidate: Candidate) -> None:
    if candidate.run_id is not None:
        dispatch.enqueue_on_commit("advance_run", run_id=candidate.run_id)
