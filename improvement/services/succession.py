"""What a new review does to the ones before it: it takes their place, answers them, or carries their votes on."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from improvement.engine.evidence import payload_inside
from improvement.engine.exhibits import Role
from improvement.models import Candidate, Review, Thread, Vote
from improvement.services import audit, reviews
from improvement.services.actors import SYSTEM
from improvement.services.transitions import move_candidate
from improvement.states import CandidateState


def supersede_unread(candidate: Candidate, now: datetime) -> None:
    """A better confirmed candidate replaces this run's older open reviews, unless somebody voted, spoke or looks."""
    if candidate.run_id is None:
        return
    older = (
        Review.objects.select_for_update(of=("self",))
        .filter(candidate__run_id=candidate.run_id, state=Review.State.OPEN)
        .exclude(candidate=candidate)
        .select_related("candidate__run__target", "candidate__target")
    )
    for review in older:
        looked_at = review.claimed_until is not None and review.claimed_until > now
        if looked_at or not _is_better(candidate, review.candidate) or _was_spoken_of(review):
            continue
        reviews.close(review, "superseded", now=now)
        move_candidate(
            review.candidate,
            CandidateState.SUPERSEDED,
            actor=SYSTEM,
            now=now,
            data={"by": f"C-{candidate.pk}"},
            decided_at=now,
            told=False,
            message=f"C-{candidate.pk} is better and took its place.",
        )


def answer_what_was_sent_back(candidate: Candidate, now: datetime) -> None:
    """The next candidate in review answers what people sent back, if its proposer had heard of that when proposing."""
    if candidate.run_id is not None:
        of_proposer = Q(run_id=candidate.run_id, told=True, told_generation__lt=candidate.generation)
    else:
        own = Q(run__isnull=True, target_id=candidate.target_id, author_id=candidate.author_id)
        of_proposer = own & Q(decided_at__lt=candidate.proposed_at)
    sent_back = Candidate.objects.select_for_update(of=("self",)).filter(
        of_proposer, state=CandidateState.CHANGES_REQUESTED.value
    )
    for earlier in sent_back.select_related("run", "target"):
        move_candidate(
            earlier,
            CandidateState.SUPERSEDED,
            actor=SYSTEM,
            now=now,
            data={"by": f"C-{candidate.pk}"},
            message=f"C-{candidate.pk} answers it.",
        )


def _was_spoken_of(review: Review) -> bool:
    commented = Thread.objects.filter(candidate_id=review.candidate_id)
    return commented.exists() or Vote.objects.filter(review=review).exists()


def _is_better(candidate: Candidate, other: Candidate) -> bool:
    """Compare two candidates of one run by their measure scores, which share a seed."""
    if candidate.score is None or other.score is None:
        return False
    sign = candidate.target.sign
    return sign * candidate.score > sign * other.score


def _measured_by(review: Review) -> tuple[str, ...]:
    """Return what made the numbers of a review's evidence: evaluator, isolation, sandbox level, direction."""
    payload = review.evidence.payload
    primary = next((row["better"] for row in payload["metrics"] if row["role"] == Role.PRIMARY.value), "")
    return (payload["evaluator_digest"], payload["isolation"], str(payload["sandbox_level"]), primary)


def carry_votes(earlier: Review, review: Review, now: datetime) -> None:
    """After a pure rebase, approvals count again when the new evidence lies inside what was signed.

    Only when the same evaluator made both: what people were shown is not what another one measures.
    """
    if earlier.patch_digest != review.patch_digest or earlier.policy.digest != review.policy.digest:
        return
    same_evaluator = _measured_by(earlier) == _measured_by(review)
    for vote in Vote.objects.filter(review=earlier, replaced=False, verdict=Vote.Verdict.APPROVE).select_related(
        "person"
    ):
        accepted = same_evaluator and payload_inside(vote.envelope, review.evidence.payload)
        seq = None
        if accepted:
            seq = audit.append(
                "review.vote_recounted",
                actor=SYSTEM,
                subject=audit.candidate_subject(review.candidate),
                context=audit.review_context(review, review.policy),
                data={"user": f"user:{vote.person_id}", "vote": vote.audit_seq},
                run=review.candidate.run,
                target=review.target.name,
                now=now,
            )
        Vote.objects.create(
            review=review,
            person=vote.person,
            verdict=vote.verdict,
            reason=vote.reason,
            share_reason=vote.share_reason,
            grounds=vote.grounds,
            patch_digest=review.patch_digest,
            base_commit=review.base_commit,
            evidence_digest=review.evidence.digest,
            policy_digest=review.policy.digest,
            envelope=vote.envelope,
            self_countersigned=vote.self_countersigned,
            via=vote.via,
            suspended=not accepted,
            audit_seq=seq or vote.audit_seq,
            at=vote.at,
        )
