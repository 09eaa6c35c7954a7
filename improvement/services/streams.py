"""What arrives on a target's stream: taken once, kept in order, and put into the archive when it is old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from improvement import dispatch, permissions
from improvement.engine.streams import Observation
from improvement.exceptions import Invalid, ObservationDiffers, RateLimited
from improvement.models import Stream, StreamArchive, StreamRecord, Target
from improvement.permissions import Right
from improvement.selectors import stream_records
from improvement.services import audit
from improvement.services.actors import SYSTEM, Actor

QUEUE = "redis"
MOST_KEPT = 2_000_000
"""Records of one stream that the database holds at most; a manifest keeps half of that at most."""


@dataclass(frozen=True, slots=True)
class Fed:
    """What became of observations that arrived: how many were new, how many known already, the last record's number.

    ``unmatched`` are the ids of labels that were not taken: no features are known under them, or no longer.
    """

    accepted: int = 0
    duplicates: int = 0
    last: int = 0
    unmatched: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there was anything in it."""
        return bool(self.accepted or self.duplicates or self.unmatched)

    def and_then(self, later: Fed) -> Fed:
        """Return what became of these observations and of later ones together."""
        return Fed(
            self.accepted + later.accepted,
            self.duplicates + later.duplicates,
            later.last,
            self.unmatched + later.unmatched,
        )


@audit.turn()
def feed(target: Target, *, observations: Sequence[Observation], source: str, actor: Actor, now: datetime) -> Fed:
    """Take observations in, all of them or none; what is known already changes nothing.

    A label is left out, and told, when no features are known under its id: it could teach nothing. Raises NotAllowed,
    Invalid for a target without a stream, and ObservationDiffers when one was known otherwise.
    """
    if actor.person is not None:
        permissions.check_may(actor.person, Right.FEED_STREAM, target.pk)
    fed = _take(target, observations, source, now)
    _record_fed(target, fed, source, actor=actor, now=now)
    return fed


@audit.turn()
def feed_from_queue(target: Target, *, entries: Mapping[str, Observation | str], now: datetime) -> None:
    """Take in what a Redis stream held, by position: an observation, or why there is none to take.

    What cannot be taken, or was known otherwise, is left out and told, not refused: nobody waits for an answer there,
    and one wrong entry must not keep those behind it from coming.
    """
    left_out: dict[str, str] = {}
    whole = Fed()
    for position, one in entries.items():
        try:
            whole = whole.and_then(_take_entry(target, one, now))
        except (Invalid, ObservationDiffers) as error:
            left_out[position] = error.message
    Stream.objects.filter(target=target).update(queue_position=list(entries)[-1])
    _record_fed(target, whole, QUEUE, actor=SYSTEM, now=now)
    if left_out:
        _record_left_out(target, left_out, now)


@transaction.atomic
def _take_entry(target: Target, one: Observation | str, now: datetime) -> Fed:
    if isinstance(one, str):
        raise Invalid(one)
    fed = _take(target, [one], QUEUE, now)
    if fed.unmatched:
        raise Invalid(f"The label of {one.key} belongs to no observation that is known, or known still.")
    return fed


def _take(target: Target, observations: Sequence[Observation], source: str, now: datetime) -> Fed:
    if not target.follows_stream:
        raise Invalid(f"{target.name} follows no stream: its manifest has no table [stream].")
    stream = Stream.objects.select_for_update(of=("self",)).get(target=target)
    if stream.count - stream.archived + len(observations) > MOST_KEPT:
        raise RateLimited(
            f"The database holds {stream.count - stream.archived:,} records of {target.name}, and no more go in before "
            "who follows the stream has taken them. The target's page shows what is in the way."
        )
    fresh, unmatched = _news(stream, observations)
    _append(stream, fresh, source, now)
    if fresh:
        dispatch.enqueue_on_commit("follow_stream", target_id=target.pk)
    return Fed(len(fresh), len(observations) - len(fresh) - len(unmatched), stream.count, tuple(unmatched))


def _record_fed(target: Target, fed: Fed, source: str, *, actor: Actor, now: datetime) -> None:
    if not fed.accepted:
        return
    audit.append(
        "stream.fed",
        actor=actor,
        subject={"kind": "target", "id": target.name},
        data={
            "accepted": fed.accepted,
            "duplicates": fed.duplicates,
            "unmatched": len(fed.unmatched),
            "last": fed.last,
            "digest": StreamRecord.objects.get(stream__target=target, number=fed.last).digest,
            "source": source,
        },
        target=target.name,
        now=now,
    )


def _record_left_out(target: Target, left_out: Mapping[str, str], now: datetime) -> None:
    first, reason = next(iter(left_out.items()))
    audit.append(
        "stream.entries_left_out",
        actor=SYSTEM,
        subject={"kind": "target", "id": target.name},
        data={"entries": len(left_out), "first": first, "last": list(left_out)[-1], "reason": reason},
        target=target.name,
        now=now,
    )


def _news(stream: Stream, observations: Sequence[Observation]) -> tuple[list[Observation], list[str]]:
    """Return what is new of these observations, in their order, and the ids of labels that belong to nothing."""
    features: dict[str, Mapping[str, float]] = {}
    labels: dict[str, str] = {}
    for row in stream_records.known_keys(stream.pk, {one.key for one in observations}):
        _note(features, labels, row.key, row.features, row.label)
    fresh, unmatched = [], []
    for one in observations:
        if one.features is None and one.key not in features:
            unmatched.append(one.key)
            continue
        new = Observation(
            one.key,
            None if _known(features, one.key, one.features, "features") else one.features,
            "" if _known(labels, one.key, one.label or None, "label") else one.label,
        )
        if new.features is not None or new.label:
            _note(features, labels, new.key, new.features, new.label)
            fresh.append(new)
    return fresh, unmatched


def _note(
    features: dict[str, Mapping[str, float]],
    labels: dict[str, str],
    key: str,
    given: Mapping[str, float] | None,
    label: str,
) -> None:
    if given is not None:
        features[key] = given
    if label:
        labels[key] = label


def _known(known: Mapping[str, object], key: str, given: object, what: str) -> bool:
    """Whether this was given before; raises ObservationDiffers when something else was."""
    if given is None or key not in known:
        return False
    if known[key] != given:
        raise ObservationDiffers(
            f"The {what} of {key} arrived before and were different. "
            "What arrived is never changed: give a new observation a new id."
        )
    return True


def _append(stream: Stream, fresh: Sequence[Observation], source: str, now: datetime) -> None:
    rows = []
    for one in fresh:
        stream.count, stream.digest = stream.count + 1, one.digest(stream.digest)
        rows.append(
            StreamRecord(
                stream=stream,
                number=stream.count,
                key=one.key,
                features=one.features,
                label=one.label,
                source=source,
                digest=stream.digest,
                arrived_at=now,
            )
        )
    StreamRecord.objects.bulk_create(rows)
    stream.save(update_fields=["count", "digest"])


@audit.turn()
def archive(stream_id: int, *, first: int, last: int, blob: str, now: datetime) -> None:
    """Take records that were written to the archive's file ``blob`` (its SHA-256) out of the database.

    Doing it again changes nothing.
    """
    stream = Stream.objects.select_for_update(of=("self",)).select_related("target").get(pk=stream_id)
    if stream.archived != first - 1:
        return
    old = StreamRecord.objects.filter(stream=stream, number__lte=last)
    digest = old.get(number=last).digest
    StreamArchive.objects.create(stream=stream, first=first, last=last, blob=blob, digest=digest, at=now)
    old.delete()
    stream.archived = last
    stream.save(update_fields=["archived"])
    audit.append(
        "stream.archived",
        actor=SYSTEM,
        subject={"kind": "target", "id": stream.target.name},
        data={"first": first, "last": last, "blob_sha256": blob, "digest": digest},
        target=stream.target.name,
        now=now,
    )
