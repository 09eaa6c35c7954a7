"""Moves of a champion that one authorised person orders: back to a former one, or on to a commit made elsewhere.

Only the intent is recorded here; it is carried out, and finished, as every release is.
"""

from __future__ import annotations

from datetime import datetime

from improvement import dispatch, permissions
from improvement.exceptions import ChampionMoved, Conflict, Halted, Invalid, NotAllowed, NotFound
from improvement.models import Release, Target
from improvement.permissions import Right
from improvement.selectors import reviews as read_reviews
from improvement.selectors import system
from improvement.services import audit, locks, policies, reasons, releases
from improvement.services.actors import Actor, require_person
from improvement.states import CandidateState


@audit.turn()
def order_rollback(target_name: str, *, to: str, actor: Actor, reason: str, now: datetime) -> Release:
    """Order that a former champion's tree becomes champion again, as a new commit. Allowed under halt."""
    person = require_person(actor, "roll a champion back")
    target = locks.target(target_name)
    permissions.check_may(person, Right.ROLL_BACK, target.pk)
    why = reasons.checked(reason, needed="Say why you roll back; the reason goes into the audit trail.")
    former = _former_champion(target, to)
    _check_not_own(former, actor, now)
    if target.stray_head:
        raise Conflict(f"The branch of {target_name} was moved by hand. Put it back first: `target restore`.")
    _step_aside(target, now)
    ordered = _ordered(target, Release.Kind.ROLLBACK, commit=former.commit, actor=actor, reason=why, now=now)
    ordered.candidate, ordered.tree, ordered.score = former.candidate, former.tree, former.score
    ordered.save()
    data = {"to": former.commit, "previous": target.champion_commit, "reason": why}
    _record("rollback.ordered", ordered, data, actor=actor, now=now)
    return ordered


def check_may_take_over(target: Target, *, actor: Actor, reason: str) -> str:
    """Raise unless this actor may order a takeover of this target now; return the reason as it will be recorded."""
    person = require_person(actor, "take over a champion from elsewhere")
    permissions.check_may(person, Right.CHANGE_POLICY, target.pk)
    why = reasons.checked(
        reason, needed="Say why this commit becomes champion without a review; the reason goes into the audit trail."
    )
    if system.halted():
        raise Halted("Everything is stopped: no champion is taken over until people lift that.")
    if Release.objects.filter(target=target, state=Release.State.INTENDED).exists():
        raise Conflict(f"A release of {target.name} is being carried out. Wait a moment and pull again.")
    return why


@audit.turn()
def order_takeover(
    target_name: str, *, previous: str, commit: str, tree: str, score: float, actor: Actor, reason: str, now: datetime
) -> Release:
    """Order that a commit made elsewhere, built on the champion ``previous`` and measured, becomes champion.

    Raises ``ChampionMoved`` when another commit is champion by now.
    """
    target = locks.target(target_name)
    why = check_may_take_over(target, actor=actor, reason=reason)
    if target.champion_commit != previous:
        raise ChampionMoved(f"The champion of {target_name} moved while the commit was measured. Pull it again.")
    ordered = _ordered(target, Release.Kind.EXTERNAL, commit=commit, actor=actor, reason=why, now=now)
    ordered.tree, ordered.score = tree, score
    ordered.save()
    data = {"commit": commit, "tree": tree, "previous": previous, "reason": why}
    _record("champion.external_ordered", ordered, data, actor=actor, now=now)
    return ordered


def _ordered(target: Target, kind: Release.Kind, *, commit: str, actor: Actor, reason: str, now: datetime) -> Release:
    return Release(
        target=target,
        kind=kind,
        state=Release.State.INTENDED,
        previous_commit=target.champion_commit,
        previous_score=target.champion_score,
        ordered_by_id=actor.person_id,
        ordered_via=actor.via,
        ordered_commit=commit,
        reason=reason,
        created_at=now,
    )


def _record(kind: str, ordered: Release, data: dict[str, str], *, actor: Actor, now: datetime) -> None:
    name = ordered.target.name
    audit.append(kind, actor=actor, subject={"kind": "target", "id": name}, data=data, target=name, now=now)
    dispatch.enqueue_on_commit("finish_release", release_id=ordered.pk)


def _step_aside(target: Target, now: datetime) -> None:
    """A move that has not begun, which under halt it cannot, gives way to a rollback."""
    waiting = Release.objects.filter(target=target, state=Release.State.INTENDED).first()
    if waiting is None:
        return
    if waiting.commit or waiting.kind == Release.Kind.ROLLBACK:
        raise Conflict("Another release of this target is being carried out. Wait a moment and try again.")
    releases.give_up(waiting.pk, reason="A rollback was ordered before this release began.", now=now)


def _check_not_own(former: Release, actor: Actor, now: datetime) -> None:
    """What others rolled back is not brought back by who started or edited it, unless people work alone."""
    candidate = former.candidate
    if candidate is None or candidate.state != CandidateState.ROLLED_BACK.value:
        return
    alone = policies.parsed(policies.current(now=now)).self_countersign
    if actor.person_id in read_reviews.involved(candidate) and not alone:
        raise NotAllowed(f"You started or edited C-{candidate.pk}, which was rolled back: somebody else must decide.")


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
