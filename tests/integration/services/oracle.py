"""What must hold after every step of any history, read from the rows themselves and not through the product's rules."""

from __future__ import annotations

from improvement.models import (
    AuditEvent,
    AuditHead,
    Candidate,
    Evaluation,
    Halt,
    PolicyVersion,
    Release,
    Review,
    Target,
    Vote,
)
from improvement.runner.repositories import repository
from improvement.selectors import audit as read_audit

APPROVALS = {"solo": {"low": 1, "medium": 1, "high": 1}, "team": {"low": 1, "medium": 1, "high": 2}}
REVIEW_STATES = {"open": {"in_review"}, "suspended": {"stale", "confirming"}}
MOVES = ["release.done", "rollback.done", "champion.external"]


def halted() -> bool:
    """Tell whether everything is stopped."""
    return Halt.objects.filter(lifted_at=None).exists()


def why_not_releasable(candidate: Candidate) -> str:
    """Return why this candidate may not become champion now, or an empty text."""
    review = Review.objects.filter(candidate=candidate).latest("pk")
    policy = PolicyVersion.objects.latest("version")
    votes = list(Vote.objects.filter(review=review, replaced=False, suspended=False).select_related("person"))
    signed = (candidate.patch_digest, candidate.target.champion_commit, review.evidence.digest, policy.digest)
    eligible = {
        vote.person_id
        for vote in votes
        if vote.verdict == "approve"
        and (vote.patch_digest, vote.base_commit, vote.evidence_digest, vote.policy_digest) == signed
        and vote.person.is_active
        and vote.person.role in {"reviewer", "admin"}
        and (policy.preset == "solo" or vote.person_id not in involved(candidate))
    }
    reasons = {
        "too few approvals": len(eligible) < APPROVALS[policy.preset][review.tier],
        "an objection": any(vote.verdict in {"reject", "request_changes"} for vote in votes),
        "no improvement": not review.evidence.better,
        "everything is stopped": halted(),
        "a branch known to be forged": candidate.target.stray_head != "",
        "another champion": candidate.base_commit != candidate.target.champion_commit,
    }
    return ", ".join(reason for reason, applies in reasons.items() if applies)


def why_not_carried_out(release: Release) -> str:
    """Return why an ordered move of the champion may not begin now, or an empty text."""
    if release.kind == "release":
        assert release.candidate is not None
        return why_not_releasable(release.candidate)
    return "everything is stopped" if release.kind == "external" and halted() else ""


def involved(candidate: Candidate) -> set[int | None]:
    """Return the ids of those who may not be the approvers of a candidate."""
    return {candidate.author_id, candidate.run.started_by_id if candidate.run else None} - {None}


def assert_everything_holds(target: Target, *, forged: str) -> None:
    """Check the invariants that hold after every step; ``forged`` is where somebody moved the branch by hand."""
    assert_one_champion(target, forged)
    assert_reviews_match_candidates()
    assert_votes_are_by_those_who_may()
    assert_evaluations_are_counted_once()
    assert_log_is_whole()


def assert_one_champion(target: Target, forged: str) -> None:
    """Check that database, repository and log tell one chain of champions."""
    target.refresh_from_db()
    in_flight = list(Release.objects.filter(target=target, state="intended"))
    assert len(in_flight) <= 1
    ahead = [release.commit for release in in_flight if release.commit]
    head = repository(target.name).head()
    assert head == forged if forged else head in [target.champion_commit, *ahead]
    assert forged or not target.stray_head
    done = list(Release.objects.filter(target=target, state="done").order_by("finished_at", "pk"))
    assert [release.previous_commit for release in done[1:]] == [release.commit for release in done[:-1]]
    assert done[-1].commit == target.champion_commit
    assert AuditEvent.objects.filter(type__in=MOVES).count() == len(done) - 1
    released = [release.candidate_id for release in done if release.kind == "release"]
    assert len(released) == len(set(released))


def assert_reviews_match_candidates() -> None:
    """Check that a review is open exactly while its candidate is in review, under the rules and champion of now."""
    in_force = PolicyVersion.objects.latest("version")
    for review in Review.objects.select_related("candidate__target"):
        if review.state == "open":
            assert (review.policy_id, review.base_commit) == (in_force.pk, review.candidate.target.champion_commit)
        newest = not Review.objects.filter(candidate=review.candidate, pk__gt=review.pk).exists()
        if review.state != "closed":
            assert newest
            assert review.candidate.state in REVIEW_STATES[review.state]
        elif newest:
            assert review.candidate.state != "in_review"


def assert_votes_are_by_those_who_may() -> None:
    """Check that nobody's approval of what they started stands, but a marked one with a reason under solo."""
    solo = set(PolicyVersion.objects.filter(preset="solo").values_list("digest", flat=True))
    for vote in Vote.objects.select_related("review__candidate__run"):
        own = vote.person_id in involved(vote.review.candidate)
        marked = own and vote.verdict == "approve"
        assert vote.self_countersigned is marked
        assert not marked or (vote.policy_digest in solo and vote.reason.strip() != "")


def assert_evaluations_are_counted_once() -> None:
    """Check that each run's count is the number of its answered measurements, and each candidate's is one."""
    for run in {candidate.run for candidate in Candidate.objects.select_related("run")}:
        answered = Evaluation.objects.filter(run=run, candidate__isnull=False, stage="measure", state="done").count()
        assert (run.evaluations, run.evaluations <= run.budget) == (answered, True)


def assert_log_is_whole() -> None:
    """Check that the log has no gap and is what its head says."""
    size = AuditEvent.objects.count()
    assert list(AuditEvent.objects.values_list("seq", flat=True)) == list(range(size))
    assert AuditHead.objects.get().size == read_audit.check_quickly() == size


def tree_measured(release: Release) -> str | None:
    """Return the tree that the evidence behind a release was about."""
    assert release.candidate is not None
    review = Review.objects.filter(candidate=release.candidate).latest("pk")
    return read_audit.measured_tree(f"C-{release.candidate_id}", review.evidence.digest)
