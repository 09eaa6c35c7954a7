"""Reading the records of a stream, each checked against the digest that bound it when it arrived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from improvement.engine.streams import Observation
from improvement.exceptions import RecordsDiffer
from improvement.models import Stream, StreamArchive, StreamRecord


def after(stream_id: int, position: int, at_once: int) -> list[StreamRecord]:
    """Return the records that follow a record, in their order; raises RecordsDiffer when one is not what arrived."""
    rows = list(StreamRecord.objects.filter(stream_id=stream_id, number__gt=position)[:at_once])
    check(rows, previous=_digest_at(stream_id, position), number=position)
    return rows


def between(stream: Stream, first: int, last: int) -> list[StreamRecord]:
    """Return records by their numbers, both included; raises RecordsDiffer when one is not what arrived."""
    return after(stream.pk, first - 1, last - first + 1)


def features(stream_id: int, records: Iterable[StreamRecord]) -> dict[str, Any]:
    """Return the features, by key, of what these records label, if they are in the database.

    Raises RecordsDiffer when they are not what arrived.
    """
    labelled = {record.key for record in records if record.label}
    last = max((record.number for record in records), default=0)
    rows = list(
        StreamRecord.objects.filter(stream_id=stream_id, key__in=labelled, features__isnull=False, number__lte=last)
    )
    previous = _digests_before(stream_id, [row.number for row in rows])
    for row in rows:
        check([row], previous=previous[row.number], number=row.number - 1)
    return {row.key: row.features for row in rows}


def known_keys(stream_id: int, keys: Iterable[str]) -> list[StreamRecord]:
    """Return what the database holds under these keys."""
    return list(StreamRecord.objects.filter(stream_id=stream_id, key__in=keys).only("key", "features", "label"))


def check(rows: Sequence[StreamRecord], *, previous: str, number: int) -> None:
    """Raise RecordsDiffer unless these rows follow the record of this number and digest, each as it arrived."""
    for row in rows:
        digest = Observation(row.key, row.features, row.label).digest(previous)
        if (row.number, row.digest) != (number + 1, digest):
            raise RecordsDiffer(
                f"Record {number + 1} of the stream is not what arrived: its digest does not fit. "
                "Compare the database with a backup and with the archive."
            )
        previous, number = digest, row.number


def _digest_at(stream_id: int, number: int) -> str:
    """Return the digest up to a record; an empty one where there is none, which fits nothing but a first record."""
    row = StreamRecord.objects.filter(stream_id=stream_id, number=number).only("digest").first()
    archived = StreamArchive.objects.filter(stream_id=stream_id, last=number).first() if row is None else None
    return row.digest if row else archived.digest if archived else ""


def _digests_before(stream_id: int, numbers: Sequence[int]) -> Mapping[int, str]:
    before = Q(stream_id=stream_id)
    rows = StreamRecord.objects.filter(before, number__in=[number - 1 for number in numbers])
    found = {number + 1: digest for number, digest in rows.values_list("number", "digest")}
    return {number: found[number] if number in found else _digest_at(stream_id, number - 1) for number in numbers}
