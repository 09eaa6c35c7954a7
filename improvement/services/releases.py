"""Moving the champion: the intent, the commit, the finish, and what that means for everything else in review.

The git work itself happens between these short transactions, in ``runner``; each step may be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from improvement import dispatch, events, permissions, policies
from improvement.engine.evidence import Evidence
from improvement.exceptions import ChampionMoved, Conflict, Halted, Invalid, NotAllowed, NotFound, PolicyUnmet
from improvement.models import AuditEvent, Candidate, Evaluation, Halt, Release, Review, Run, Target, Vote
from improvement.permissions import Right
from improvement.selectors import audit as read_audit
from improvement.selectors import reviews as read_reviews
from improvement.services import audit, reasons, reviews
from improvement.services import policies as policy_service
from improvement.services.actors import SYSTEM, Actor
from improvement.services.transitions import move_candidate
from improvement.states import LIVE_RUN_STATES, CandidateState


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval that a release counts: the person and the number of the vote's audit event."""

    person_id: int
    name: str
    seq: int
    self_countersigned: bool


@audit.turn()
def check_still_allowed(release_id: int, *, now: datetime) -> Release:
    """Check the policy at this moment, and return the release to carry out. Only for one whose ref has not moved.

    Raises ``Halted`` while everything is stopped (it is tried again later) and ``PolicyUnmet`` or ``Conflict`` when
    the approvals no longer hold; the candidate then goes back to be confirmed and reviewed again.
    """
    release = _locked(release_id)
    if release.state != Release.State.INTENDED:
        raise Conflict(f"The release {release_id} was {release.state} already.")
    if release.target.champion_commit != release.previous_commit:
        raise ChampionMoved("The champion moved before this release.")
    if release.kind == Release.Kind.RELEASE:
        if Halt.objects.filter(lifted_at__isnull=True).exists():
            raise Halted("Everything is stopped; the release waits until that is lifted.")
        review = _review_of(release)
        in_force = policy_service.current(now=now)
        if review.policy_id != in_force.pk:
            raise PolicyUnmet(f"The policy changed to version {in_force.version} before this release.")
        policies.check_release(read_reviews.case(review), policy_service.parsed(review.policy))
    return release


def approvals(release: Release) -> list[Approval]:
    """Return the approvals that this release counts, by the policy as it is now."""
    review = _review_of(release)
    counted = policies.counted_approvals(read_reviews.case(review), policy_service.parsed(review.policy))
    rows = {
        vote.person_id: vote for vote in Vote.objects.filter(review=review, replaced=False).select_related("person")
    }
    votes = [rows[cast.person_id] for cast in counted]
    for vote in votes:
        _check_recorded(vote)
    return [Approval(v.person_id, v.person.get_username(), v.audit_seq or 0, v.self_countersigned) for v in votes]


def _check_recorded(vote: Vote) -> None:
    """Refuse a vote that the audit log does not tell of in the same words: a row alone approves nothing."""
    event = AuditEvent.objects.filter(
        pk=-1 if vote.audit_seq is None else vote.audit_seq, type__in=["review.voted", "review.vote_recounted"]
    ).first()
    told = read_audit.body(event) if event is not None else {"actor": {}, "subject": {}, "data": {}}
    voter = told["data"].get("user") or told["actor"].get("id")
    verdict = told["data"].get("verdict", Vote.Verdict.APPROVE)
    named = (voter, verdict, told["subject"].get("patch_sha256"), told["subject"].get("base"))
    if named != (f"user:{vote.person_id}", vote.verdict, vote.patch_digest, vote.base_commit):
        raise PolicyUnmet(f"The audit log tells of no such vote by {vote.person.get_username()}.")


@audit.turn()
def record_commit(release_id: int, *, commit: str, tree: str, now: datetime) -> Release:
    """Record the commit that is about to become champion, and on whose approvals, before the ref moves.

    An attempt after a crash records its own commit instead. Raises as ``check_still_allowed`` does.
    """
    release = check_still_allowed(release_id, now=now)
    release.commit, release.tree = commit, tree
    if release.kind == Release.Kind.RELEASE and release.candidate is not None:
        review, counted = _review_of(release), approvals(release)
        _check_measured(release.candidate, review, tree)
        release.approved_by = [{"name": one.name, "id": f"user:{one.person_id}", "seq": one.seq} for one in counted]
        release.self_countersigned = any(one.self_countersigned for one in counted)
        audit.append(
            "release.intended",
            actor=SYSTEM,
            subject=audit.candidate_subject(release.candidate),
            context=audit.review_context(review, review.policy),
            data={"commit": commit, "tree": tree, "previous": release.previous_commit},
            run=release.candidate.run,
            target=release.target.name,
            now=now,
        )
    release.save(update_fields=["commit", "tree", "approved_by", "self_countersigned"])
    return release


@audit.turn()
def finish(release_id: int, *, now: datetime) -> Release:
    """Record that the ref moved: the champion is the release's commit now. Repeating it changes nothing."""
    release = _locked(release_id)
    if release.state != Release.State.INTENDED:
        return release
    if not release.commit:
        raise Conflict(f"The release {release_id} has no commit yet, so the champion cannot have moved to it.")
    target = release.target
    if release.kind == Release.Kind.RELEASE:
        _finish_release(release, now)
    else:
        _finish_rollback(release, now)
    release.state, release.finished_at = Release.State.DONE, now
    release.save(update_fields=["state", "finished_at"])
    target.champion_commit, target.champion_score = release.commit, release.score
    target.champion_candidate = release.candidate
    target.save(update_fields=["champion_commit", "champion_score", "champion_candidate"])
    _tell_runs(release, now)
    suspend_others(target, now=now)
    return release


@audit.turn()
def give_up(release_id: int, *, reason: str, now: datetime) -> None:
    """End a release that cannot be carried out; its candidate is confirmed and reviewed again."""
    release = _locked(release_id)
    if release.state != Release.State.INTENDED:
        return
    release.state, release.finished_at, release.reason = Release.State.FAILED, now, reason[:1000]
    release.save(update_fields=["state", "finished_at", "reason"])
    audit.append(
        "release.failed",
        actor=SYSTEM,
        subject=_subject(release),
        data={"reason": reason},
        run=release.candidate.run if release.candidate else None,
        target=release.target.name,
        now=now,
    )
    if release.candidate is not None and release.candidate.state == CandidateState.APPROVED.value:
        move_candidate(release.candidate, CandidateState.STALE, actor=SYSTEM, now=now, data={"reason": reason})


@audit.turn()
def order_rollback(target_name: str, *, to: str, actor: Actor, reason: str, now: datetime) -> Release:
    """Order that a former champion's tree becomes champion again, as a new commit. Allowed under halt."""
    if actor.person is None:
        raise NotAllowed("Only a person can roll a champion back.")
    target = Target.objects.select_for_update(of=("self",)).filter(name=target_name).first()
    if target is None:
        raise NotFound(f"There is no target named {target_name}.")
    permissions.check_may(actor.person, Right.ROLL_BACK, target.pk)
    reasons.checked(reason, needed="Say why you roll back; the reason goes into the audit trail.")
    former = _former_champion(target, to)
    _step_aside(target, now)
    release = Release.objects.create(
        target=target,
        candidate=former.candidate,
        kind=Release.Kind.ROLLBACK,
        state=Release.State.INTENDED,
        previous_commit=target.champion_commit,
        commit="",
        tree=former.tree,
        score=former.score,
        previous_score=target.champion_score,
        reason=reason.strip(),
        approved_by=[{"name": actor.name, "to": former.commit, "id": actor.id, "via": actor.via}],
        actor=actor.name,
        created_at=now,
    )
    dispatch.enqueue_on_commit("finish_release", release_id=release.pk)
    return release


def _step_aside(target: Target, now: datetime) -> None:
    """A release that has not begun, which under halt it cannot, gives way to a rollback."""
    waiting = Release.objects.filter(target=target, state=Release.State.INTENDED).first()
    if waiting is None:
        return
    if waiting.commit or waiting.kind != Release.Kind.RELEASE:
        raise Conflict("Another release of this target is being carried out. Wait a moment and try again.")
    give_up(waiting.pk, reason="A rollback was ordered before this release began.", now=now)


def suspend_others(target: Target, *, now: datetime) -> None:
    """Put aside what is confirmed or reviewed against a champion of this target that is no longer one.

    What was no better than the new champion is superseded; the rest waits to be confirmed against it.
    """
    under_way = [CandidateState.CONFIRMING.value, CandidateState.IN_REVIEW.value]
    for candidate in (
        Candidate.objects.select_for_update(of=("self",))
        .filter(target=target, state__in=under_way)
        .select_related("run__target", "target")
    ):
        _cancel_comparisons(candidate)
        review = Review.objects.filter(candidate=candidate).exclude(state=Review.State.CLOSED).first()
        if _still_promising(candidate, review, target):
            _suspend(review)
            move_candidate(candidate, CandidateState.STALE, actor=SYSTEM, now=now)
        else:
            by = f"champion {target.champion_commit[:9]}"
            if review is not None:
                reviews.close(review, "superseded", now=now)
            move_candidate(
                candidate, CandidateState.SUPERSEDED, actor=SYSTEM, now=now, data={"by": by}, decided_at=now, told=False
            )


def _suspend(review: Review | None) -> None:
    if review is not None:
        review.state = Review.State.SUSPENDED
        review.save(update_fields=["state"])
        Vote.objects.filter(review=review).update(suspended=True)


def _cancel_comparisons(candidate: Candidate) -> None:
    """Nobody needs to know any more how this candidate compares with the former champion."""
    Evaluation.objects.filter(
        Q(candidate=candidate) | Q(subject=candidate),
        stage__in=["confirm", "holdout"],
        state__in=[Evaluation.State.QUEUED, Evaluation.State.LEASED],
    ).update(state=Evaluation.State.CANCELLED, lease_until=None)


def _still_promising(candidate: Candidate, review: Review | None, target: Target) -> bool:
    """Whether the best that is known of a candidate is above the new champion; what people voted on always is."""
    if target.champion_score is None or Vote.objects.filter(review=review, review__isnull=False).exists():
        return True
    sign = 1.0 if target.better == "higher" else -1.0
    row = Evidence.read(review.evidence.payload).primary if review is not None else None
    if row is not None:
        return sign * row.champion + row.high > sign * target.champion_score
    return candidate.score is None or sign * candidate.score > sign * target.champion_score


def _finish_release(release: Release, now: datetime) -> None:
    candidate = release.candidate
    if candidate is None:
        raise PolicyUnmet("A release without a candidate cannot be carried out.")
    review = _review_of(release)
    move_candidate(
        candidate,
        CandidateState.RELEASED,
        actor=SYSTEM,
        now=now,
        data={
            "commit": release.commit,
            "tree": release.tree,
            "previous": release.previous_commit,
            "approvals": [{"user": one["id"], "seq": one["seq"]} for one in release.approved_by],
        },
        context=audit.review_context(review, review.policy),
        told=False,
    )


def _finish_rollback(release: Release, now: datetime) -> None:
    ordered = release.approved_by[0]
    replaced = release.target.champion_candidate
    actor = Actor(kind="human", id=ordered["id"], name=ordered["name"], via=ordered["via"])
    data = {
        "to": ordered["to"],
        "commit": release.commit,
        "tree": release.tree,
        "previous": release.previous_commit,
        "reason": release.reason,
    }
    audit.append(
        "rollback.done",
        actor=actor,
        subject={"kind": "target", "id": release.target.name},
        data=data,
        target=release.target.name,
        now=now,
    )
    if replaced is not None and replaced.state == CandidateState.RELEASED.value:
        Candidate.objects.filter(pk=replaced.pk).update(state=CandidateState.ROLLED_BACK.value)


def _tell_runs(release: Release, now: datetime) -> None:
    names = ", ".join(one["name"] for one in release.approved_by)
    said = "rolled the champion back" if release.kind == Release.Kind.ROLLBACK else f"countersigned {_name(release)}"
    live = [state.value for state in LIVE_RUN_STATES]
    own = release.candidate.run_id if release.candidate else None
    for run in Run.objects.filter(target=release.target, state__in=live) | Run.objects.filter(pk=own or 0):
        payload = {
            "id": release.candidate_id if own == run.pk and release.kind == Release.Kind.RELEASE else None,
            "x": run.evaluations,
            "y": release.score,
            "commit": release.commit,
            "by": [one["name"] for one in release.approved_by],
            "text": f"{names} {said}; champion is now {release.commit[:7]}",
        }
        events.record(run, "release.done", payload, now=now)
        dispatch.enqueue_on_commit("advance_run", run_id=run.pk)


def _name(release: Release) -> str:
    return f"C-{release.candidate_id}" if release.candidate_id else "a change"


def _former_champion(target: Target, to: str) -> Release:
    done = Release.objects.filter(target=target, state=Release.State.DONE)
    if len(to) < 7:
        raise Invalid("Name the commit with at least 7 characters; `release list` shows them.")
    former = done.filter(commit__startswith=to).order_by("-pk").first()
    if former is None:
        raise NotFound(
            f"{to} was never the champion of {target.name}; `release list {target.name}` shows those that were."
        )
    if former.commit == target.champion_commit:
        raise Conflict(f"{to[:9]} is the champion already.")
    return former


def _review_of(release: Release) -> Review:
    review = read_reviews.latest(release.candidate_id) if release.candidate_id else None
    if review is None:
        raise PolicyUnmet("No review stands behind this release.")
    return review


def _check_measured(candidate: Candidate, review: Review, tree: str) -> None:
    measured = read_audit.measured_tree(f"C-{candidate.pk}", review.evidence.digest)
    if measured != tree:
        raise PolicyUnmet(
            f"The files of C-{candidate.pk} make another tree ({tree[:9]}) than the one that was measured."
        )


def _subject(release: Release) -> dict[str, str]:
    if release.candidate is not None:
        return audit.candidate_subject(release.candidate)
    return {"kind": "target", "id": release.target.name}


def _locked(release_id: int) -> Release:
    release = (
        Release.objects.select_for_update(of=("self",))
        .select_related("target__champion_candidate", "candidate__run__target", "candidate__target")
        .filter(pk=release_id)
        .first()
    )
    if release is None:
        raise NotFound(f"There is no release {release_id}.")
    return release
