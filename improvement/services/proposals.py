"""Rollbacks that the evidence of a stream proposes; only a person carries one out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from improvement import events, permissions
from improvement.engine.digests import digest
from improvement.exceptions import Conflict, NotFound
from improvement.models import Release, RollbackProposal, Serving, Target
from improvement.permissions import Right
from improvement.services import audit, reasons
from improvement.services.actors import SYSTEM, Actor, require_person


@audit.turn()
def propose(champion_id: int, shadow_id: int, *, evidence: Mapping[str, Any], summary: str, now: datetime) -> None:
    """Propose to go back from a champion to the one that shadows it; once for each release, while both still follow."""
    champion = _following(champion_id, Serving.Role.CHAMPION)
    shadow = _following(shadow_id, Serving.Role.SHADOW)
    if champion is None or shadow is None or RollbackProposal.objects.filter(release=champion.release).exists():
        return
    target = champion.stream.target
    proposal = RollbackProposal.objects.create(
        target=target,
        release=champion.release,
        to_commit=shadow.commit,
        evidence=dict(evidence),
        digest=digest(evidence),
        state=RollbackProposal.State.OPEN,
        opened_at=now,
    )
    data = {"to": shadow.commit, "previous": champion.commit, "evidence_sha256": proposal.digest, "reason": summary}
    _append("rollback.proposed", target, data, actor=SYSTEM, now=now)
    events.announce("rollback.proposed")


@audit.turn()
def dismiss(proposal_id: int, *, actor: Actor, reason: str, now: datetime) -> RollbackProposal:
    """Decide, as somebody who may roll back, that the champion stays; raises Conflict when it is decided already."""
    person = require_person(actor, "dismiss a proposed rollback")
    rows = RollbackProposal.objects.select_for_update(of=("self",)).select_related("target", "release")
    proposal = rows.filter(pk=proposal_id).first()
    if proposal is None or not permissions.may(person, Right.VIEW, proposal.target_id):
        raise NotFound("There is no such proposal.")
    permissions.check_may(person, Right.ROLL_BACK, proposal.target_id)
    why = reasons.checked(reason, needed="Say why the champion stays; the reason goes into the audit trail.")
    if proposal.state != RollbackProposal.State.OPEN:
        raise Conflict(f"This proposal is {proposal.get_state_display().lower()} already. Reload the page.")
    proposal.state, proposal.closed_at, proposal.reason = RollbackProposal.State.DISMISSED, now, why
    proposal.closed_by_id = actor.person_id
    proposal.save(update_fields=["state", "closed_at", "closed_by", "reason"])
    data = {"to": proposal.to_commit, "evidence_sha256": proposal.digest, "reason": why}
    _append("rollback.dismissed", proposal.target, data, actor=actor, now=now)
    events.announce("rollback.dismissed")
    return proposal


def overtake(target: Target, release: Release, *, now: datetime) -> None:
    """Close what is proposed for a target whose champion moves: done, if this is the rollback, or overtaken."""
    followed = release.kind == Release.Kind.ROLLBACK
    for proposal in RollbackProposal.objects.filter(target=target, state=RollbackProposal.State.OPEN):
        done = followed and release.ordered_commit == proposal.to_commit
        proposal.state = RollbackProposal.State.DONE if done else RollbackProposal.State.OVERTAKEN
        proposal.closed_at, proposal.closed_by = now, release.ordered_by
        proposal.save(update_fields=["state", "closed_at", "closed_by"])
        data = {"to": proposal.to_commit, "evidence_sha256": proposal.digest}
        _append(f"rollback.proposal_{proposal.state}", target, data, actor=SYSTEM, now=now)


def _following(serving_id: int, role: Serving.Role) -> Serving | None:
    rows = Serving.objects.select_for_update(of=("self",)).select_related("stream__target", "release")
    return rows.filter(pk=serving_id, role=role).first()


def _append(kind: str, target: Target, data: Mapping[str, Any], *, actor: Actor, now: datetime) -> None:
    subject = {"kind": "target", "id": target.name}
    audit.append(kind, actor=actor, subject=subject, data=data, target=target.name, now=now)
