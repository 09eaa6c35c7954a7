"""Candidates whose score is above the declared bound: a person clears one, to be confirmed, or rejects it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from improvement import dispatch, events
from improvement.exceptions import BadTransition, Conflict, NotAllowed, NotFound, StaleDecision
from improvement.models import Candidate
from improvement.selectors import loop
from improvement.selectors import reviews as read
from improvement.selectors.reviews import Shown
from improvement.services import audit, confirmations, reasons
from improvement.services.actors import Actor, require_person
from improvement.services.confirmations import Pair
from improvement.services.transitions import move_candidate
from improvement.states import CandidateState, words


@audit.turn()
def clear(candidate_id: int, *, shown: Shown, actor: Actor, reason: str, now: datetime) -> Candidate:
    """Say that a score can be true: the candidate is nominated, confirmed and reviewed as one of high risk."""
    candidate, why = _judged(candidate_id, shown, actor, reason)
    move_candidate(
        candidate,
        CandidateState.NOMINATED,
        actor=actor,
        now=now,
        data={"reason": why},
        cleared=True,
        decided_at=None,
        message="",
    )
    _announce(candidate, f"{actor.name} cleared C-{candidate.pk}: “{why}”", now)
    dispatch.enqueue_on_commit("confirm_cleared", candidate_id=candidate.pk)
    return candidate


@audit.turn()
def reject(candidate_id: int, *, shown: Shown, actor: Actor, reason: str, now: datetime) -> Candidate:
    """Reject a candidate whose score cannot be true; the strategy learns no more of it."""
    candidate, why = _judged(candidate_id, shown, actor, reason)
    move_candidate(
        candidate,
        CandidateState.REJECTED,
        actor=actor,
        now=now,
        data={"reason": why},
        decided_at=now,
        told=True,
        message=why[:500],
    )
    _announce(candidate, f"{actor.name} rejected C-{candidate.pk}: “{why}”", now)
    return candidate


@audit.turn()
def confirm(
    candidate_id: int,
    *,
    champion: str,
    placed: confirmations.Placed,
    revision: int,
    pairs: Sequence[Pair],
    champion_files: str,
    now: datetime,
) -> Candidate:
    """Place a cleared candidate on the champion and order its confirmation; a repeated order is refused.

    ``champion`` is the commit that it was placed on; raises ``ChampionMoved`` when it is no longer champion, and
    ``Conflict`` while its run confirms another one.
    """
    candidate = confirmations.locked(candidate_id)
    confirmations.check_champion(candidate, champion)
    if loop.confirms_another(candidate):
        raise Conflict(f"C-{candidate_id} waits: its run confirms another candidate just now.")
    changes: dict[str, Any] = {**placed.columns, "base_commit": champion, "revision": revision}
    for name, value in changes.items():
        setattr(candidate, name, value)
    candidate.save(update_fields=list(changes))
    confirmations.begin(candidate, pairs=pairs, champion_files=champion_files, now=now)
    return candidate


def _judged(candidate_id: int, shown: Shown, actor: Actor, reason: str) -> tuple[Candidate, str]:
    candidate = Candidate.objects.select_for_update(of=("self",)).filter(pk=candidate_id).first()
    if candidate is None:
        raise NotFound(f"There is no candidate C-{candidate_id}.")
    person = require_person(actor, "say whether a score is possible")
    why_not = read.why_may_not_clear(candidate, person)
    if why_not:
        raise NotAllowed(f"You cannot decide about C-{candidate_id}: {why_not}.")
    if candidate.state != CandidateState.QUARANTINED.value:
        state = words(CandidateState(candidate.state))
        raise BadTransition(f"C-{candidate_id} is {state}, not quarantined. Reload the page.")
    if shown != read.put_aside(candidate):
        raise StaleDecision(f"C-{candidate_id} is no longer what you were shown. Reload the page and look again.")
    return candidate, reasons.checked(reason, needed="Say why; the reason goes into the audit trail.")


def _announce(candidate: Candidate, text: str, now: datetime) -> None:
    if candidate.run is not None:
        events.record(candidate.run, f"candidate.{candidate.state}", {"id": candidate.pk, "text": text}, now=now)
