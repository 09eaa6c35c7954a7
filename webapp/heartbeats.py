"""Who is alive: workers and the clock every two seconds, in words that fade by themselves.

Each process of a worker that may hold sandboxes also says whether any is at work. What it said last is kept: under a
stop a process that was there and falls silent must not disappear from sight.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

BEAT = "beat"

_PREFIX = "alive:"
_FADES_AFTER_SECONDS = 10
_PROCESSES = "worker-processes"
_LOST_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What one process of a worker said last: ``stopped`` when nothing is at work in it; ``lost`` when it is silent."""

    name: str
    stopped: bool
    lost: bool


def record(name: str) -> None:
    """Say that the process of this name is alive now. That Redis is away for a moment is logged and harmless."""
    try:
        connection().set(f"{_PREFIX}{name}", b"alive", ex=_FADES_AFTER_SECONDS)
    except redis.RedisError as error:
        logger.debug("the heartbeat of %s was not recorded: %s", name, error)


def alive() -> tuple[str, ...]:
    """Return the names of those that spoke within the last ten seconds; raises redis.RedisError."""
    keys = connection().scan_iter(match=f"{_PREFIX}*", count=100)
    return tuple(sorted(key.decode().removeprefix(_PREFIX) for key in keys))


def workers() -> tuple[str, ...]:
    """Return the names of the workers that are alive; raises redis.RedisError."""
    return tuple(name for name in alive() if name != BEAT)


def forget(name: str) -> None:
    """Take back what was said under this name; raises redis.RedisError."""
    connection().delete(f"{_PREFIX}{name}")


def record_process(name: str, *, stopped: bool) -> None:
    """Say for one process of a worker whether it has seen the stop and holds no sandbox any more."""
    said = json.dumps({"stopped": stopped, "at": time.time()})
    try:
        connection().hset(_PROCESSES, name, said)
    except redis.RedisError as error:
        logger.debug("what %s says was not recorded: %s", name, error)


def forget_process(name: str) -> None:
    """Take a process off the list that ends in order."""
    try:
        connection().hdel(_PROCESSES, name)
    except redis.RedisError as error:
        logger.debug("%s was not taken off the list: %s", name, error)


def acknowledgements(since: datetime, *, now: datetime) -> tuple[Acknowledgement, ...]:
    """Return what every process says that was alive when a stop was ordered or since then; raises redis.RedisError."""
    said = {_text(name): json.loads(value) for name, value in connection().hgetall(_PROCESSES).items()}
    return tuple(
        Acknowledgement(name, stopped=one["stopped"], lost=now.timestamp() - one["at"] > _LOST_AFTER_SECONDS)
        for name, one in sorted(said.items())
        if one["at"] >= since.timestamp() - _LOST_AFTER_SECONDS
    )


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    """Return this process's one connection for heartbeats."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=1)
