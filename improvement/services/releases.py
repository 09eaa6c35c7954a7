"""Moving the champion: the intent, the commit, the finish, and what that means for everything else in review.

The git work itself happens between these short transactions, in ``runner``; each step may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from improvement import dispatch, events, permissions, policies
from improvement.engine.evidence import Evidence
from improvement.engine.measurement import Task
from improvement.exceptions import ChampionMoved, Conflict, Halted, NotFound, PolicyUnmet
from improvement.models import AuditEvent, Candidate, Evaluation, Release, Review, Run, Target, Vote
from improvement.permissions import Right
from improvement.selectors import audit as read_audit
from improvement.selectors import reviews as read_reviews
from improvement.selectors import system
from improvement.selectors import targets as read_targets
from improvement.selectors.people import person_of
from improvement.services import audit, reviews, serving, targets
from improvement.services import policies as policy_service
from improvement.services.actors import SYSTEM, human
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
    if release.target.stray_head:
        raise ChampionMoved(
            f"The branch of {release.target.name} {read_targets.how_strayed(release.target.stray_head)}."
        )
    if release.kind != Release.Kind.ROLLBACK and system.halted():
        raise Halted("Everything is stopped; the release waits until that is lifted.")
    if release.kind != Release.Kind.RELEASE:
        _check_still_ordered(release)
    else:
        review = _review_of(release)
        in_force = policy_service.current(now=now)
        if review.policy_id != in_force.pk:
            raise PolicyUnmet(f"The policy changed to version {in_force.version} before this release.")
        policies.check_release(read_reviews.case(review), policy_service.parsed(review.policy))
    return release


def _check_still_ordered(release: Release) -> None:
    """Who ordered a rollback or a takeover must have the right to it at this moment, too."""
    right = Right.ROLL_BACK if release.kind == Release.Kind.ROLLBACK else Right.CHANGE_POLICY
    by = release.ordered_by
    if by is None or not permissions.may(person_of(by), right, release.target_id):
        raise PolicyUnmet("Whoever ordered this move of the champion may no longer order one.")


@audit.turn()
def begin_again(release_id: int) -> None:
    """Forget the commit that was made for a release whose branch did not move; the next attempt makes it anew."""
    Release.objects.filter(pk=release_id, state=Release.State.INTENDED).update(commit="", tree="")


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
def finish(release_id: int, *, task: Task, now: datetime) -> Release:
    """Record that the ref moved: the champion is the release's commit now. Repeating it changes nothing.

    ``task`` is the target at that commit: its manifest and evaluator are the ones that count from now on.
    """
    release = _locked(release_id)
    if release.state != Release.State.INTENDED:
        return release
    if not release.commit:
        raise Conflict(f"The release {release_id} has no commit yet, so the champion cannot have moved to it.")
    target = release.target
    if release.kind == Release.Kind.RELEASE:
        _finish_release(release, now)
    else:
        _finish_ordered(release, now)
    release.state, release.finished_at = Release.State.DONE, now
    release.save(update_fields=["state", "finished_at"])
    concerned = _runs_concerned(release)
    target.champion_commit, target.champion_score = release.commit, release.score
    target.champion_candidate = release.candidate
    targets.take_manifest(target, task)
    target.save()
    serving.succeed(target, release, window=task.stream_window, now=now)
    _tell_runs(release, concerned, now)
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
            made = target.champion_candidate_id
            words = f"C-{made}" if made else target.champion_commit[:9]
            by = f"champion {target.champion_commit[:9]}"
            if review is not None:
                reviews.close(review, "superseded", now=now)
            move_candidate(
                candidate,
                CandidateState.SUPERSEDED,
                actor=SYSTEM,
                now=now,
                data={"by": by},
                decided_at=now,
                told=False,
                message=f"It is not above the new champion {words}.",
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
    row = Evidence.read(review.evidence.payload).primary if review is not None else None
    if row is not None:
        return target.sign * row.champion + row.high > target.sign * target.champion_score
    return candidate.score is None or target.sign * candidate.score > target.sign * target.champion_score


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


def _finish_ordered(release: Release, now: datetime) -> None:
    """Record a rollback or a takeover in the name of the person who ordered it."""
    ordered_by = release.ordered_by
    if ordered_by is None:
        raise PolicyUnmet("Nobody ordered this move of the champion.")
    kind, data = "champion.external", {"commit": release.commit, "tree": release.tree}
    if release.kind == Release.Kind.ROLLBACK:
        kind, data = "rollback.done", {**data, "to": release.ordered_commit}
        _roll_back_champion(release, now)
    audit.append(
        kind,
        actor=human(ordered_by, via="command line" if release.ordered_via == "command line" else "web"),
        subject={"kind": "target", "id": release.target.name},
        data={**data, "previous": release.previous_commit, "reason": release.reason},
        target=release.target.name,
        now=now,
    )


def _roll_back_champion(release: Release, now: datetime) -> None:
    replaced = release.target.champion_candidate
    if replaced is not None and replaced.state == CandidateState.RELEASED.value:
        data = {"to": release.ordered_commit, "reason": release.reason}
        move_candidate(replaced, CandidateState.ROLLED_BACK, actor=SYSTEM, now=now, data=data)


def _runs_concerned(release: Release) -> list[Run]:
    """Return the runs that go on, the one that made the champion, and after a rollback the one whose champion goes."""
    concerned = Q(target=release.target, state__in=[state.value for state in LIVE_RUN_STATES])
    made, replaced = release.candidate, release.target.champion_candidate
    concerned |= Q(pk=made.run_id if made else None)
    if replaced is not None and release.kind == Release.Kind.ROLLBACK:
        concerned |= Q(pk=replaced.run_id)
    return list(Run.objects.filter(concerned))


def _tell_runs(release: Release, concerned: Iterable[Run], now: datetime) -> None:
    names = read_targets.moved_by(release)
    own = release.candidate.run_id if release.candidate else None
    for run in concerned:
        payload = {
            "id": release.candidate_id if own == run.pk and release.kind == Release.Kind.RELEASE else None,
            "x": run.evaluations,
            "y": release.score,
            "commit": release.commit,
            "by": names,
            "text": f"{', '.join(names)} {_said(release)}; champion is now {release.commit[:7]}",
        }
        events.record(run, "release.done", payload, now=now)
        dispatch.enqueue_on_commit("advance_run", run_id=run.pk)


def _said(release: Release) -> str:
    if release.kind == Release.Kind.ROLLBACK:
        return "rolled the champion back"
    return f"countersigned C-{release.candidate_id}" if release.candidate_id else "took over a commit made elsewhere"


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
        .select_related(
            "target__champion_candidate__run__target",
            "target__champion_candidate__target",
            "candidate__run__target",
            "candidate__target",
            "ordered_by",
        )
        .filter(pk=release_id)
        .first()
    )
    if release is None:
        raise NotFound(f"There is no release {release_id}.")
    return release
