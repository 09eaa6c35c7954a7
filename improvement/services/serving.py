"""Who follows a target's stream: the champion, and the one before it for a while; and how they do.

What serves is what people approved: a serving begins only where a release ends, in the same transaction.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from improvement import dispatch, permissions
from improvement.exceptions import Conflict, NotFound
from improvement.models import Release, Serving, ServingStep, Stream, Target
from improvement.permissions import Right
from improvement.services import audit, proposals, reasons
from improvement.services.actors import SYSTEM, Actor, require_person

RETRY_AFTER = timedelta(minutes=1)
BEGINS_WITHIN = timedelta(minutes=1)
MOST_REFUSALS = 16


@dataclass(frozen=True, slots=True)
class Order:
    """A step that a worker may take: for which serving, as which attempt, and where it stands."""

    serving_id: int
    stream_id: int
    attempt: int
    refusals: int
    target_name: str
    commit: str
    position: int
    packed: bytes | None

    def state(self) -> dict[str, Any] | None:
        """Unpack the state that it goes on from, None at the very beginning."""
        return json.loads(zlib.decompress(self.packed)) if self.packed else None


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to: the state to go on from, the last record it took, and what it says of them.

    ``outcomes`` has a record number and whether the prediction was right, ``drifts`` the numbers of the labels at which
    the world was seen to change; ``moved`` is how far ``labels`` labels moved the weights.
    """

    state: Mapping[str, Any]
    last: int
    outcomes: Sequence[tuple[int, bool]] = ()
    drifts: Sequence[int] = ()
    labels: int = 0
    moved: float = 0.0


def succeed(target: Target, release: Release, *, window: int, now: datetime) -> None:
    """Let the champion of a release that was just carried out follow the stream, and the one before it shadow it.

    Must be called in the transaction that moves the champion. The new one first takes the last ``window`` records, of
    which nothing counts; after a rollback it goes on with what the former champion has learned meanwhile.
    """
    proposals.overtake(target, release, now=now)
    if not target.follows_stream:
        _end(Serving.objects.filter(stream__target=target), now)
        return
    stream, _ = Stream.objects.get_or_create(target=target)
    live = {serving.role: serving for serving in _live(stream)}
    shadow, champion = live.get(Serving.Role.SHADOW), live.get(Serving.Role.CHAMPION)
    if shadow is not None:
        _end_shadow(shadow, reason="another release began", actor=SYSTEM, now=now)
    if champion is not None:
        champion.role, champion.standing = Serving.Role.SHADOW, None
        champion.save(update_fields=["role", "standing"])
    restored = shadow if shadow and release.kind == Release.Kind.ROLLBACK else None
    _begin(stream, release, restored if restored and restored.commit == release.ordered_commit else None, window, now)


def _begin(stream: Stream, release: Release, restored: Serving | None, window: int, now: datetime) -> None:
    serving = Serving.objects.create(
        stream=stream,
        release=release,
        commit=release.commit,
        role=Serving.Role.CHAMPION,
        position=restored.position if restored else max(stream.archived, stream.count - window),
        since=stream.count,
        state=restored.state if restored else None,
        began_at=now,
    )
    _tell("serving.began", serving, {"after_record": stream.count}, now=now)


def _live(stream: Stream) -> list[Serving]:
    rows = Serving.objects.select_for_update(of=("self",)).select_related("stream__target").filter(stream=stream)
    return list(rows.exclude(role=Serving.Role.ENDED))


def _end(servings: Any, now: datetime) -> None:
    servings.exclude(role=Serving.Role.ENDED).update(role=Serving.Role.ENDED, ended_at=now, state=None)


@transaction.atomic
def claim(serving_id: int, *, now: datetime) -> Order | None:
    """Lease the next step of a serving for a moment, or return None when it ended or somebody else has it."""
    rows = Serving.objects.select_for_update(of=("self",)).select_related("stream__target")
    serving = rows.exclude(role=Serving.Role.ENDED).filter(pk=serving_id).first()
    if serving is None or (serving.lease_until is not None and serving.lease_until > now):
        return None
    serving.attempt, serving.lease_until = serving.attempt + 1, now + BEGINS_WITHIN
    serving.save(update_fields=["attempt", "lease_until"])
    return Order(
        serving_id=serving.pk,
        stream_id=serving.stream_id,
        attempt=serving.attempt,
        refusals=serving.refusals,
        target_name=serving.stream.target.name,
        commit=serving.commit,
        position=serving.position,
        packed=bytes(serving.state) if serving.state else None,
    )


@transaction.atomic
def keep_lease(order: Order, *, seconds: float, now: datetime) -> None:
    """Lease a step that has begun for as long as it may take; raises Conflict when another attempt took its place."""
    serving = _claimed(order)
    if serving is None:
        raise Conflict("Another worker took this step over.")
    serving.lease_until = now + timedelta(seconds=seconds)
    serving.save(update_fields=["lease_until"])


@transaction.atomic
def record(order: Order, step: Step, *, now: datetime) -> bool:
    """Record a step, unless another attempt took its place meanwhile; return whether it counts."""
    serving = _claimed(order)
    if serving is None:
        return False
    serving.state = zlib.compress(json.dumps(step.state, separators=(",", ":")).encode())
    serving.position = step.last
    _mend(serving, refusals=max(0, serving.refusals - 1))
    serving.save()
    if step.last > order.position:
        ServingStep.objects.create(
            serving=serving,
            last=step.last,
            outcomes=[[number, int(right)] for number, right in step.outcomes],
            drifts=list(step.drifts),
            labels=step.labels,
            moved=step.moved,
            at=now,
        )
    return True


@audit.turn()
def refuse(order: Order, *, reason: str, last: int, now: datetime) -> None:
    """Record that a step up to ``last`` broke its bound or could not be taken: nothing of it is kept.

    It is tried again later, with fewer records, until people skip those that are refused.
    """
    serving = _claimed(order)
    if serving is None:
        return
    is_news = serving.problem != reason[:500]
    serving.problem, serving.lease_until = reason[:500], now + RETRY_AFTER
    serving.refused_last, serving.refusals = last, min(serving.refusals + 1, MOST_REFUSALS)
    serving.save(update_fields=["problem", "lease_until", "refused_last", "refusals"])
    if is_news:
        _tell("serving.refused", serving, {"after_record": order.position, "reason": reason[:500]}, now=now)


@audit.turn()
def skip(serving_id: int, *, last: int, actor: Actor, reason: str, now: datetime) -> None:
    """Let who follows a stream go on behind the records that are refused: nothing is learned or predicted of them.

    ``last`` is the last of the records that the person was shown. Raises NotAllowed, Invalid without a reason, and
    Conflict when others are refused now, or none.
    """
    serving, said = _decided(serving_id, actor, reason, needed="Say why these records are skipped")
    if serving.refused_last != last or last <= serving.position:
        raise Conflict("These records are not what is refused now. Reload the page.")
    first, serving.position = serving.position + 1, last
    serving.attempt += 1
    _mend(serving)
    serving.save()
    _tell("serving.skipped", serving, {"first": first, "last": last, "reason": said}, actor=actor, now=now)
    dispatch.enqueue_on_commit("follow_stream", target_id=serving.stream.target_id)


@audit.turn()
def dismiss_shadow(serving_id: int, *, actor: Actor, reason: str, now: datetime) -> None:
    """End a shadow because a person decides it; raises as ``skip`` does."""
    serving, said = _decided(serving_id, actor, reason, needed="Say why the shadow ends")
    if serving.role != Serving.Role.SHADOW:
        raise Conflict("Only a shadow can be ended; a champion goes by a release or a rollback. Reload the page.")
    _end_shadow(serving, reason=said, actor=actor, now=now)


def _decided(serving_id: int, actor: Actor, reason: str, *, needed: str) -> tuple[Serving, str]:
    """Return a serving about which this person decides now, and the reason as it is recorded."""
    person = require_person(actor, "decide about what follows a stream")
    rows = Serving.objects.select_for_update(of=("self",)).select_related("stream__target")
    serving = rows.exclude(role=Serving.Role.ENDED).filter(pk=serving_id).first()
    if serving is None or not permissions.may(person, Right.VIEW, serving.stream.target_id):
        raise NotFound("That follows no stream any more. Reload the page.")
    permissions.check_may(person, Right.ROLL_BACK, serving.stream.target_id)
    return serving, reasons.checked(reason, needed=f"{needed}; the reason goes into the audit trail.")


def _mend(serving: Serving, *, refusals: int = 0) -> None:
    serving.problem, serving.refusals, serving.refused_last, serving.lease_until = "", refusals, None, None


def _tell(kind: str, serving: Serving, data: Mapping[str, Any], *, actor: Actor = SYSTEM, now: datetime) -> None:
    target = serving.stream.target
    subject, about = {"kind": "target", "id": target.name}, {"commit": serving.commit, **data}
    audit.append(kind, actor=actor, subject=subject, data=about, target=target.name, now=now)


@transaction.atomic
def release_lease(order: Order) -> None:
    """Give a step back that was not taken, because everything was stopped."""
    serving = _claimed(order)
    if serving is not None:
        serving.lease_until = None
        serving.save(update_fields=["lease_until"])


@transaction.atomic
def record_standing(
    champion_id: int, shadow_id: int, *, before: Mapping[str, Any] | None, standing: Mapping[str, Any]
) -> bool:
    """Record how a champion stands against its shadow; return False when that, or who follows, changed meanwhile."""
    roles = {Serving.Role.CHAMPION: champion_id, Serving.Role.SHADOW: shadow_id}
    rows = {row.pk: row for row in Serving.objects.select_for_update(of=("self",)).filter(pk__in=roles.values())}
    shadow = rows.get(shadow_id)
    if shadow is None or any(rows[pk].role != role for role, pk in roles.items()) or shadow.standing != before:
        return False
    shadow.standing = dict(standing)
    shadow.save(update_fields=["standing"])
    return True


@audit.turn()
def end_shadow(serving_id: int, *, reason: str, now: datetime) -> None:
    """End a shadow that has been compared for long enough."""
    rows = Serving.objects.select_for_update(of=("self",)).select_related("stream__target")
    serving = rows.filter(pk=serving_id, role=Serving.Role.SHADOW).first()
    if serving is not None:
        _end_shadow(serving, reason=reason, actor=SYSTEM, now=now)


def _end_shadow(serving: Serving, *, reason: str, actor: Actor, now: datetime) -> None:
    _end(Serving.objects.filter(pk=serving.pk), now)
    _tell("serving.shadow_ended", serving, {"reason": reason}, actor=actor, now=now)


def _claimed(order: Order) -> Serving | None:
    rows = Serving.objects.select_for_update(of=("self",)).select_related("stream__target")
    return (
        rows.exclude(role=Serving.Role.ENDED)
        .filter(pk=order.serving_id, attempt=order.attempt, position=order.position)
        .first()
    )
