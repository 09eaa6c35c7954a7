"""Nomination and confirmation: paired measurements on fresh seeds and the holdout, evidence, and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from improvement import dispatch, events, policies
from improvement.engine.evidence import Evidence as Built
from improvement.engine.findings import Severity
from improvement.exceptions import ChampionMoved, Conflict
from improvement.models import Candidate, Evaluation, Evidence, Review, Run, Target
from improvement.policies import Change
from improvement.selectors import loop
from improvement.services import audit, reviews, succession
from improvement.services import policies as policy_service
from improvement.services.actors import SYSTEM
from improvement.services.transitions import move_candidate
from improvement.states import CandidateState

Pair = tuple[str, int, int]
"""One paired measurement: stage ("confirm" or "holdout"), index (or holdout case), seed."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A candidate as it is placed on a champion: its files and patch by digest, lines, title."""

    files_digest: str
    patch_digest: str
    lines: tuple[int, int]
    title: str

    @property
    def columns(self) -> dict[str, Any]:
        """What of it a candidate's row holds."""
        added, removed = self.lines
        counted = {"added": added, "removed": removed, "title": self.title}
        return {"files_id": self.files_digest, "patch_digest": self.patch_digest, **counted}


@audit.turn()
def nominate(candidate_id: int, *, pairs: Sequence[Pair], champion_files: str, why: str, now: datetime) -> Candidate:
    """Nominate a measured candidate and order its paired confirmation against the champion.

    Raises ``ChampionMoved`` when the champion is no longer the one that the candidate's patch starts from, and
    ``Conflict`` while its run confirms another one.
    """
    candidate = locked(candidate_id)
    check_champion(candidate, candidate.base_commit)
    if candidate.run_id is not None and loop.is_confirming(candidate.run_id, besides=candidate_id):
        raise Conflict(f"C-{candidate_id} waits: its run confirms another candidate just now.")
    move_candidate(
        candidate,
        CandidateState.NOMINATED,
        actor=SYSTEM,
        now=now,
        data={"score": audit.number(candidate.score), "why": why},
    )
    if candidate.run is not None:
        Run.objects.filter(pk=candidate.run.pk).update(nominated_generation=F("generation"))
        events.record(
            candidate.run,
            "candidate.nominated",
            {"id": candidate.pk, "text": f"C-{candidate.pk} nominated ({candidate.title}): {why}"},
            now=now,
        )
    begin(candidate, pairs=pairs, champion_files=champion_files, now=now)
    return candidate


@audit.turn()
def place_before_nomination(candidate_id: int, *, champion: str, placed: Placed) -> Candidate:
    """Say what a measured candidate changes against the champion: a patch is always champion to candidate.

    ``champion`` is the commit that the patch was made against; raises ``ChampionMoved`` when it is no longer champion.
    """
    candidate = locked(candidate_id)
    check_champion(candidate, champion)
    if candidate.state != CandidateState.MEASURED.value:
        raise Conflict(f"C-{candidate_id} was nominated already.")
    changes = {**placed.columns, "base_commit": champion}
    for name, value in changes.items():
        setattr(candidate, name, value)
    candidate.save(update_fields=list(changes))
    return candidate


@audit.turn()
def rebase(
    candidate_id: int,
    *,
    champion: str,
    placed: Placed,
    pairs: Sequence[Pair],
    champion_files: str,
    now: datetime,
) -> Candidate:
    """Place a stale candidate on the champion as a new revision, and order its confirmation again.

    ``champion`` is the commit that it was placed on; raises ``ChampionMoved`` when it is no longer champion.
    """
    candidate = locked(candidate_id)
    check_champion(candidate, champion)
    previous = candidate.base_commit
    placing = {"revision": candidate.revision + 1, "base_commit": champion, "confirm_asked_at": None}
    changes: dict[str, Any] = {**placed.columns, **placing}
    for name, value in changes.items():
        setattr(candidate, name, value)
    move_candidate(
        candidate, CandidateState.CONFIRMING, actor=SYSTEM, now=now, data={"previous_base": previous}, **changes
    )
    _order(candidate, pairs=pairs, champion_files=champion_files, now=now)
    return candidate


@audit.turn()
def order_more(candidate_id: int, *, revision: int, pairs: Sequence[Pair], champion_files: str, now: datetime) -> None:
    """Order further pairs of a confirmation, each once: those of its next look, or the holdout."""
    candidate = locked(candidate_id)
    if candidate.state != CandidateState.CONFIRMING.value or candidate.revision != revision:
        return
    rows = Evaluation.objects.filter(candidate=candidate, revision=revision).values_list("stage", "index")
    ordered = set(rows)
    fresh = [pair for pair in pairs if pair[:2] not in ordered]
    _order(candidate, pairs=fresh, champion_files=champion_files, now=now)


@audit.turn()
def withdraw(candidate_id: int, *, expected: CandidateState, revision: int, reason: str, now: datetime) -> None:
    """Withdraw a candidate that cannot go on, and close its review.

    Raises ``Conflict`` when it is no longer in the state and revision for which that was decided.
    """
    candidate = locked(candidate_id)
    if (candidate.state, candidate.revision) != (expected.value, revision):
        raise Conflict(f"C-{candidate_id} went on before it was withdrawn.")
    for review in (
        Review.objects.select_for_update(of=("self",)).filter(candidate=candidate).exclude(state=Review.State.CLOSED)
    ):
        reviews.close(review, "withdrawn", now=now)
    move_candidate(
        candidate,
        CandidateState.WITHDRAWN,
        actor=SYSTEM,
        now=now,
        data={"reason": reason},
        told=False,
        message=reason,
    )


@audit.turn()
def conclude(candidate_id: int, *, revision: int, evidence: Built, tree: str, now: datetime) -> Candidate:
    """Record the evidence and pass the gate: to people, or aside as within noise, failed or quarantined.

    ``tree`` is the id of the git tree that was measured. A second conclusion of the same revision changes nothing.
    """
    candidate = locked(candidate_id)
    if candidate.state != CandidateState.CONFIRMING.value or candidate.revision != revision:
        raise Conflict(f"C-{candidate_id} is not being confirmed any more.")
    row = Evidence.objects.create(
        candidate=candidate,
        revision=revision,
        base_commit=candidate.base_commit,
        digest=evidence.digest,
        payload=evidence.payload,
        better=evidence.better,
        summary=evidence.summary[:300],
        created_at=now,
    )
    audit.append(
        "evidence.recorded",
        actor=SYSTEM,
        subject={**audit.candidate_subject(candidate), "tree": tree},
        context={"evidence_sha256": evidence.digest},
        data={"summary": evidence.summary},
        run=candidate.run,
        target=candidate.target.name,
        now=now,
    )
    if evidence.holdout.cases:
        Target.objects.filter(pk=candidate.target_id).update(holdout_uses=F("holdout_uses") + 1)
    _pass_gate(candidate, row, evidence, now)
    if candidate.run_id is not None:
        dispatch.enqueue_on_commit("advance_run", run_id=candidate.run_id)
    return candidate


def _pass_gate(candidate: Candidate, row: Evidence, evidence: Built, now: datetime) -> None:
    """Send to people what is better and free of blocking findings; set everything else aside with the reason.

    That a holdout stopped a candidate is not told to the strategy: its verdict is that of the confirm seeds alone.
    """
    blocking = {finding.code: finding.text for finding in evidence.blocking}
    if "above_bound" in blocking:
        _set_aside(candidate, CandidateState.QUARANTINED, blocking["above_bound"], now, told=True)
    elif not evidence.better:
        _set_aside(candidate, CandidateState.UNCONFIRMED, evidence.summary, now, told=False)
    elif blocking:
        _set_aside(candidate, CandidateState.UNCONFIRMED, next(iter(blocking.values())), now, told=True)
    else:
        severities = tuple(Severity(finding.severity).value for finding in evidence.findings)
        change = Change(candidate.target.kind, candidate.added + candidate.removed, severities)
        _open_review(candidate, row, change, now)


def begin(candidate: Candidate, *, pairs: Sequence[Pair], champion_files: str, now: datetime) -> None:
    """Order the paired confirmation of a nominated candidate; must be called inside a transaction."""
    move_candidate(candidate, CandidateState.CONFIRMING, actor=SYSTEM, now=now)
    _order(candidate, pairs=pairs, champion_files=champion_files, now=now)


def _order(candidate: Candidate, *, pairs: Sequence[Pair], champion_files: str, now: datetime) -> None:
    rows = []
    for stage, index, seed in pairs:
        shared: Mapping[str, Any] = {
            "run": candidate.run,
            "target": candidate.target,
            "revision": candidate.revision,
            "base_commit": candidate.base_commit,
            "stage": stage,
            "index": index,
            "seed": seed,
            "state": Evaluation.State.QUEUED,
            "queued_at": now,
        }
        rows.append(Evaluation(candidate=candidate, files_id=candidate.files_id, **shared))
        rows.append(Evaluation(subject=candidate, files_id=champion_files, **shared))
    for row in Evaluation.objects.bulk_create(rows):
        dispatch.enqueue_on_commit("evaluate", evaluation_id=row.pk)
    if candidate.run is not None:
        Run.objects.filter(pk=candidate.run.pk).update(confirm_evaluations=F("confirm_evaluations") + len(rows))


def _set_aside(candidate: Candidate, state: CandidateState, reason: str, now: datetime, *, told: bool) -> None:
    for review in (
        Review.objects.select_for_update(of=("self",)).filter(candidate=candidate).exclude(state=Review.State.CLOSED)
    ):
        reviews.close(review, state.value, now=now)
    move_candidate(
        candidate,
        state,
        actor=SYSTEM,
        now=now,
        data={"reason": reason},
        decided_at=now,
        told=told,
        message=reason[:500],
    )
    if candidate.run is not None:
        payload = {"id": candidate.pk, "text": f"C-{candidate.pk} not sent to review: {reason}"}
        events.record(candidate.run, f"candidate.{state.value}", payload, now=now)


def _open_review(candidate: Candidate, evidence: Evidence, change: Change, now: datetime) -> None:
    policy = policy_service.current(now=now)
    rules = policy_service.parsed(policy)
    tier = policies.tier_of(change)
    earlier = (
        Review.objects.select_for_update(of=("self",))
        .filter(candidate=candidate)
        .exclude(state=Review.State.CLOSED)
        .first()
    )
    if earlier is not None:
        reviews.close(earlier, "rebased", now=now)
    succession.supersede_unread(candidate, now)
    if earlier is None:
        succession.answer_what_was_sent_back(candidate, now)
    review = Review.objects.create(
        candidate=candidate,
        target=candidate.target,
        evidence=evidence,
        revision=candidate.revision,
        policy=policy,
        tier=tier.value,
        needed=rules.approvals[tier],
        state=Review.State.OPEN,
        patch_digest=candidate.patch_digest,
        base_commit=candidate.base_commit,
        opened_at=now,
        expires_at=now + timedelta(hours=rules.review_expires_hours),
    )
    move_candidate(
        candidate,
        CandidateState.IN_REVIEW,
        actor=SYSTEM,
        now=now,
        data={"tier": tier.value, "required": review.needed, "summary": evidence.summary},
        context=audit.review_context(review, policy),
        told=True,
    )
    if earlier is not None:
        succession.carry_votes(earlier, review, now)
    if candidate.run is not None:
        payload = {"id": candidate.pk, "x": candidate.evaluation_index, "y": candidate.score}
        text = f"C-{candidate.pk} sent to review ({candidate.title}): {evidence.summary}"
        events.record(candidate.run, "candidate.in_review", {**payload, "text": text}, now=now)


def check_champion(candidate: Candidate, commit: str) -> None:
    """Raise ``ChampionMoved`` when a commit is no longer the champion that a candidate is placed on."""
    if candidate.target.champion_commit != commit:
        raise ChampionMoved(f"The champion moved while C-{candidate.pk} was placed on {commit[:9]}. Place it again.")


def locked(candidate_id: int) -> Candidate:
    """Return a candidate that nobody else changes until the transaction ends."""
    return (
        Candidate.objects.select_for_update(of=("self",)).select_related("run__target", "target").get(pk=candidate_id)
    )
