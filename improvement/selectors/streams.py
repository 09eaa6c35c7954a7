"""Reading live streams: what is due, which records come next, how champion and shadow do, what is proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q

from improvement.models import RollbackProposal, Serving, ServingStep, Stream, Target
from improvement.permissions import Person, Right, may
from improvement.selectors import stream_records
from improvement.selectors.access import hidden_targets

AT_ONCE = 400
"""Records that one step takes at most."""
MOST_NUMBERS = 100_000
"""Numbers that the weights after each label of one step may be together."""


@dataclass(frozen=True, slots=True)
class Events:
    """What a serving is given next: the events, their record numbers, and the last record that they cover.

    ``labels`` maps the number of each event that is learned from to its key.
    """

    events: Sequence[Mapping[str, Any]]
    labels: Mapping[int, str]
    last: int


def due(now: datetime) -> list[int]:
    """Return the targets whose champion or shadow has records to take, or has not begun."""
    behind = Q(position__lt=F("stream__count")) | Q(state__isnull=True)
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    rows = Serving.objects.filter(behind & free).exclude(role=Serving.Role.ENDED)
    return list(rows.values_list("stream__target_id", flat=True).distinct().order_by("stream__target_id"))


def following(target_id: int) -> dict[str, Serving]:
    """Return who follows a target's stream, by role."""
    rows = Serving.objects.filter(stream__target_id=target_id).exclude(role=Serving.Role.ENDED)
    return {row.role: row for row in rows.select_related("stream__target", "release")}


def of_target(target_id: int) -> Stream | None:
    """Return the stream of a target, None where it follows none."""
    return Stream.objects.filter(target_id=target_id).first()


def at_once(*, weights: int, refusals: int) -> int:
    """Return how many records a rule of so many weights takes at once; fewer after refusals, to find what is wrong."""
    return max(1, min(AT_ONCE, MOST_NUMBERS // max(1, weights)) >> refusals)


def next_events(stream_id: int, position: int, predicted: Mapping[str, str], *, most: int) -> Events:
    """Return the events of at most so many records after one, in their order; raises RecordsDiffer.

    ``predicted`` are the predictions that are known, by key. A label whose features went to the archive meanwhile
    teaches nothing.
    """
    records = stream_records.after(stream_id, position, most)
    features = stream_records.features(stream_id, records)
    events: list[dict[str, Any]] = []
    labels: dict[int, str] = {}
    for record in records:
        if record.features is not None:
            events.append({"key": record.key, "features": record.features})
        if record.label and record.key in features:
            known = {"predicted": predicted[record.key]} if record.key in predicted else {}
            events.append({"key": record.key, "features": features[record.key], "label": record.label, **known})
            labels[record.number] = record.key
    return Events(events, labels, records[-1].number if records else position)


def last_after(stream_id: int, position: int, most: int) -> int:
    """Return the number of the last of at most so many records after one."""
    stream = Stream.objects.only("count").get(pk=stream_id)
    return min(stream.count, position + most)


def outcomes(serving: Serving, *, after: int) -> dict[int, bool]:
    """Return whether a serving's predictions were right, by the number of the label's record, after a record."""
    steps = ServingStep.objects.filter(serving=serving, last__gt=after).values_list("outcomes", flat=True)
    return {number: bool(right) for step in steps for number, right in step if number > after}


def archivable(stream: Stream, keep: int) -> tuple[int, int] | None:
    """Return the first and last record that may leave the database, None while those are few.

    What somebody who follows the stream has not taken yet stays.
    """
    positions = Serving.objects.filter(stream=stream).exclude(role=Serving.Role.ENDED)
    last = min([stream.count - keep, *positions.values_list("position", flat=True)])
    return (stream.archived + 1, last) if last - stream.archived >= AT_ONCE else None


def servings(target: Target) -> list[Serving]:
    """Return everybody who follows or followed a target's stream, newest first, with the release."""
    rows = Serving.objects.filter(stream__target=target).select_related("release__candidate")
    return list(rows.defer("state").order_by("-pk"))


def steps(target: Target, *, after: int) -> list[ServingStep]:
    """Return the steps of everybody who follows or followed a target's stream, after a record."""
    rows = ServingStep.objects.filter(serving__stream__target=target, last__gt=after)
    return list(rows.select_related("serving").defer("serving__state").order_by("last", "pk"))


def proposals(person: Person) -> list[RollbackProposal]:
    """Return the rollbacks that wait for this person to decide, oldest first."""
    rows = RollbackProposal.objects.filter(state=RollbackProposal.State.OPEN).exclude(
        target_id__in=hidden_targets(person)
    )
    open_ones = rows.select_related("target", "release").order_by("opened_at")
    return [one for one in open_ones if may(person, Right.ROLL_BACK, one.target_id)]


def proposal_of(target: Target) -> RollbackProposal | None:
    """Return the rollback that is proposed for a target, if any."""
    return RollbackProposal.objects.filter(target=target, state=RollbackProposal.State.OPEN).first()
