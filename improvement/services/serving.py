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

from improvement.models import Release, Serving, ServingStep, Stream, Target
from improvement.services import audit, proposals
from improvement.services.actors import SYSTEM

RETRY_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Order:
    """A step that a worker may take: for which serving, as which attempt, and where it stands."""

    serving_id: int
    attempt: int
    target_name: str
    commit: str
    position: int
    since: int
    state: Mapping[str, Any] | None


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
    _end(Serving.objects.filter(stream=stream, role=Serving.Role.SHADOW), now)
    if champion is not None:
        champion.role = Serving.Role.SHADOW
        champion.save(update_fields=["role"])
    restored = shadow if shadow and release.kind == Release.Kind.ROLLBACK else None
    _begin(stream, release, restored if restored and restored.commit == release.ordered_commit else None, window, now)


def _begin(stream: Stream, release: Release, restored: Serving | None, window: int, now: datetime) -> None:
    Serving.objects.create(
        stream=stream,
        release=release,
        commit=release.commit,
        role=Serving.Role.CHAMPION,
        position=restored.position if restored else max(stream.archived, stream.count - window),
        since=stream.count,
        state=restored.state if restored else None,
        began_at=now,
    )
    audit.append(
        "serving.began",
        actor=SYSTEM,
        subject={"kind": "target", "id": stream.target.name},
        data={"commit": release.commit, "after_record": stream.count},
        target=stream.target.name,
        now=now,
    )


def _live(stream: Stream) -> list[Serving]:
    rows = Serving.objects.select_for_update(of=("self",)).filter(stream=stream)
    return list(rows.exclude(role=Serving.Role.ENDED))


def _end(servings: Any, now: datetime) -> None:
    servings.exclude(role=Serving.Role.ENDED).update(role=Serving.Role.ENDED, ended_at=now, state=None)


@transaction.atomic
def claim(serving_id: int, *, seconds: float, now: datetime) -> Order | None:
    """Lease the next step of a serving for this long, or return None when it ended or somebody else has it."""
    rows = Serving.objects.select_for_update(of=("self",)).select_related("stream__target")
    serving = rows.exclude(role=Serving.Role.ENDED).filter(pk=serving_id).first()
    if serving is None or (serving.lease_until is not None and serving.lease_until > now):
        return None
    serving.attempt, serving.lease_until = serving.attempt + 1, now + timedelta(seconds=seconds)
    serving.save(update_fields=["attempt", "lease_until"])
    return Order(
        serving_id=serving.pk,
        attempt=serving.attempt,
        target_name=serving.stream.target.name,
        commit=serving.commit,
        position=serving.position,
        since=serving.since,
        state=json.loads(zlib.decompress(bytes(serving.state))) if serving.state else None,
    )


@transaction.atomic
def record(order: Order, step: Step, *, now: datetime) -> bool:
    """Record a step, unless another attempt took its place meanwhile; return whether it counts."""
    serving = _claimed(order)
    if serving is None:
        return False
    serving.state = zlib.compress(json.dumps(step.state, separators=(",", ":")).encode())
    serving.position, serving.problem, serving.lease_until = step.last, "", None
    serving.save(update_fields=["state", "position", "problem", "lease_until"])
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
def refuse(order: Order, *, reason: str, now: datetime) -> None:
    """Record that a step broke its bound or could not be taken: nothing of it is kept, and it is tried again later."""
    serving = _claimed(order)
    if serving is None:
        return
    is_news = serving.problem != reason[:500]
    serving.problem, serving.lease_until = reason[:500], now + RETRY_AFTER
    serving.save(update_fields=["problem", "lease_until"])
    if is_news:
        audit.append(
            "serving.refused",
            actor=SYSTEM,
            subject={"kind": "target", "id": order.target_name},
            data={"commit": order.commit, "after_record": order.position, "reason": reason[:500]},
            target=order.target_name,
            now=now,
        )


@transaction.atomic
def release_lease(order: Order) -> None:
    """Give a step back that was not taken, because everything was stopped."""
    serving = _claimed(order)
    if serving is not None:
        serving.lease_until = None
        serving.save(update_fields=["lease_until"])


@transaction.atomic
def end_shadow(serving_id: int, *, now: datetime) -> None:
    """End a shadow that has been compared for long enough."""
    _end(Serving.objects.filter(pk=serving_id, role=Serving.Role.SHADOW), now)


def _claimed(order: Order) -> Serving | None:
    rows = Serving.objects.select_for_update(of=("self",)).exclude(role=Serving.Role.ENDED)
    return rows.filter(pk=order.serving_id, attempt=order.attempt, position=order.position).first()
