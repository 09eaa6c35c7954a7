"""What feeds a stream besides the API: files of JSON lines, and entries of a Redis stream."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import redis
from django.conf import settings
from django.utils import timezone

from improvement.engine.streams import MOST_AT_ONCE, Observation, Stream, read_observations
from improvement.events import connection
from improvement.exceptions import Invalid
from improvement.models import Target
from improvement.selectors import streams as read
from improvement.selectors import targets
from improvement.services import streams
from improvement.services.actors import Actor
from improvement.services.streams import Fed

logger = logging.getLogger(__name__)

QUEUED_AT_ONCE = 200
"""Entries of a queue that one transaction takes, for which nothing else is recorded meanwhile."""


def feed_lines(target: Target, lines: Iterable[str], *, actor: Actor) -> Fed:
    """Feed observations, one JSON object a line; what came before a wrong line is kept, and the error names the line.

    Raises Invalid, NotAllowed and ObservationDiffers.
    """
    stream = targets.stream_of(targets.manifest(target))
    whole = Fed()
    values = _values(lines)
    while batch := list(islice(values, MOST_AT_ONCE)):
        observations = [_read(value, stream, where) for where, value in batch]
        fed = streams.feed(target, observations=observations, source="file", actor=actor, now=timezone.now())
        whole = whole.and_then(fed)
    if not whole:
        raise Invalid("There is no observation in it. Write one JSON object a line.")
    return whole


def _values(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"Line {number}"
            yield where, _json(line, where)


def _json(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{where} is not JSON: {error!s:.120}.") from error


def _read(value: Any, stream: Stream, where: str) -> Observation:
    try:
        return read_observations([value], stream)[0]
    except Invalid as error:
        raise Invalid(error.message.replace("Observation 1", where, 1)) from error


def feed_from_queues() -> None:
    """Take in what arrived on the Redis stream of each target that follows one; OBSERVATIONS_KEY names them."""
    if not settings.OBSERVATIONS_KEY:
        return
    for target in Target.objects.filter(follows_stream=True):
        try:
            while _feed_from_queue(target):
                pass
        except redis.RedisError as error:
            logger.warning("the observations of %s cannot be read from Redis: %s", target.name, error)
        except Exception:  # whatever broke there, the streams of the other targets go on
            logger.exception("the observations of %s cannot be taken from Redis", target.name)


def _feed_from_queue(target: Target) -> bool:
    """Take in the next entries of a target's queue; return whether there may be more."""
    row = read.of_target(target.pk)
    if row is None:
        return False
    key = settings.OBSERVATIONS_KEY.replace("{target}", target.name)
    answer: Any = connection().xread({key: row.queue_position}, count=QUEUED_AT_ONCE)
    if not answer:
        return False
    stream = targets.stream_of(targets.manifest(target))
    entries = {position.decode(): _entry(position.decode(), entry, stream) for position, entry in answer[0][1]}
    streams.feed_from_queue(target, entries=entries, now=timezone.now())
    return len(entries) == QUEUED_AT_ONCE


def _entry(position: str, entry: dict[bytes, bytes], stream: Stream) -> Observation | str:
    """Read an entry, whose one field `observation` holds the JSON object; return why where it cannot be taken."""
    where = f"Entry {position}"
    if b"observation" not in entry:
        return f"{where} has no field observation."
    try:
        return _read(_json(entry[b"observation"], where), stream, where)
    except Invalid as error:
        return error.message
