"""Which workers are alive: each says so every two seconds in Redis, where the words fade by themselves."""

from __future__ import annotations

import logging
from functools import lru_cache

import redis
from django.conf import settings

from improvement import installation

logger = logging.getLogger(__name__)

BEAT = "beat"

_PREFIX = "alive:"
_FADES_AFTER_SECONDS = 10
_WORKING, _STOPPED = b"working", b"stopped"


def record(name: str) -> None:
    """Say that the process of this name is alive now, and whether it has seen the stop over everything.

    That Redis is away for a moment is logged and harmless.
    """
    says = _STOPPED if installation.halt_file().exists() else _WORKING
    try:
        connection().set(f"{_PREFIX}{name}", says, ex=_FADES_AFTER_SECONDS)
    except redis.RedisError as error:
        logger.debug("the heartbeat of %s was not recorded: %s", name, error)


def alive() -> tuple[str, ...]:
    """Return the names of those that spoke within the last ten seconds; raises redis.RedisError."""
    keys = connection().scan_iter(match=f"{_PREFIX}*", count=100)
    return tuple(sorted(key.decode().removeprefix(_PREFIX) for key in keys))


def acknowledged() -> dict[str, bool]:
    """Return each worker that is alive and whether it has said that it saw the stop; raises redis.RedisError."""
    names = [name for name in alive() if name != BEAT]
    said = connection().mget([f"{_PREFIX}{name}" for name in names]) if names else []
    return {name: value == _STOPPED for name, value in zip(names, said, strict=True)}


def forget(name: str) -> None:
    """Take back what was said under this name; raises redis.RedisError."""
    connection().delete(f"{_PREFIX}{name}")


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    """Return this process's one connection for heartbeats."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=1)
