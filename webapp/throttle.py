"""Slowing down whoever guesses passwords: a few wrong ones for each name and each address, then a pause."""

from __future__ import annotations

import hashlib
import logging

import redis

from webapp import heartbeats

logger = logging.getLogger(__name__)

WRONG_FOR_NAME, WRONG_FOR_ADDRESS = 8, 40
PAUSE_SECONDS = 300


def must_pause(name: str, address: str) -> bool:
    """Tell whether this name or this address gave too many wrong passwords within the last five minutes.

    Without Redis nothing is counted: a server that lost it stays usable for those who know their password.
    """
    try:
        wrong = heartbeats.connection().mget(_keys(name, address))
    except redis.RedisError as error:
        logger.warning("wrong passwords are not counted: %s", error)
        return False
    limits = (WRONG_FOR_NAME, WRONG_FOR_ADDRESS)
    return any(int(count or 0) >= limit for count, limit in zip(wrong, limits, strict=True))


def count_wrong(name: str, address: str) -> None:
    """Count one wrong password; the counts fade by themselves."""
    try:
        pipeline = heartbeats.connection().pipeline()
        for key in _keys(name, address):
            pipeline.incr(key)
            pipeline.expire(key, PAUSE_SECONDS)
        pipeline.execute()
    except redis.RedisError as error:
        logger.warning("a wrong password was not counted: %s", error)


def _keys(name: str, address: str) -> tuple[str, str]:
    """Names are hashed: people type passwords into the wrong field."""
    return f"wrong:name:{hashlib.sha256(name.lower().encode()).hexdigest()}", f"wrong:address:{address}"
