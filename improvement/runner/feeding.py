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


def feed_lines(target: Target, lines: Iterable[str], *, actor: Actor) -> Fed:
    """Feed observations, one JSON object a line; what came before a wrong line is kept, and the error names the line.

    Raises Invalid, NotAllowed and ObservationDiffers.
    """
    stream = stream_of(target)
    accepted, duplicates, last = 0, 0, 0
    values = _values(lines)
    while batch := list(islice(values, MOST_AT_ONCE)):
        observations = [_read(value, stream, number) for number, value in batch]
        fed = streams.feed(target, observations=observations, source="file", actor=actor, now=timezone.now())
        accepted, duplicates, last = accepted + fed.accepted, duplicates + fed.duplicates, fed.last
    if not accepted and not duplicates:
        raise Invalid("There is no observation in it. Write one JSON object a line.")
    return Fed(accepted, duplicates, last)


def stream_of(target: Target) -> Stream:
    """Return what a target's manifest says of its stream; raises Invalid where it says nothing."""
    stream = targets.manifest(target).stream
    if stream is None:
        raise Invalid(f"{target.name} follows no stream: its manifest has no table [stream].")
    return stream


def _values(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise Invalid(f"Line {number} is not JSON: {error}.") from error


def _read(value: Any, stream: Stream, number: int) -> Observation:
    try:
        return read_observations([value], stream)[0]
    except Invalid as error:
        raise Invalid(error.message.replace("Observation 1", f"Line {number}", 1)) from error


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


def _feed_from_queue(target: Target) -> bool:
    """Take in the next entries of a target's queue; return whether there may be more."""
    row = read.of_target(target.pk)
    if row is None:
        return False
    key = settings.OBSERVATIONS_KEY.replace("{target}", target.name)
    answer: Any = connection().xread({key: row.queue_position}, count=MOST_AT_ONCE)
    entries = answer[0][1] if answer else []
    if not entries:
        return False
    stream = stream_of(target)
    observations = [one for position, entry in entries if (one := _entry(entry, stream, target.name, position))]
    position = entries[-1][0].decode()
    streams.feed_from_queue(target, observations=observations, position=position, now=timezone.now())
    return len(entries) == MOST_AT_ONCE


def _entry(entry: dict[bytes, bytes], stream: Stream, name: str, position: bytes) -> Observation | None:
    """Read an entry: its one field `observation` holds the JSON object. A wrong one is logged and passed over."""
    try:
        return read_observations([json.loads(entry[b"observation"])], stream)[0]
    except (KeyError, ValueError, Invalid) as error:
        reason = error.message if isinstance(error, Invalid) else repr(error)
        logger.warning("entry %s of the observations of %s is passed over: %s", position.decode(), name, reason)
        return None
