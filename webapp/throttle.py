"""Slowing down whoever guesses passwords, without locking anybody out.

Too many wrong passwords for a name from one address are refused there for a while: that stops one guesser, and the
name's owner elsewhere does not notice. Many for a name from anywhere, or from an address for any name, make every
further try slow, never impossible: a lock for the name would be a weapon against its owner (OWASP, Authentication Cheat
Sheet, "Account Lockout", which wants a count for the account and warns of that). One-time links are never held up.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

import redis

from webapp import heartbeats

logger = logging.getLogger(__name__)

WRONG_FOR_PAIR, PAUSE_SECONDS = 8, 300
FREE_FOR_NAME, FREE_FOR_ADDRESS, REMEMBERED_SECONDS = 10, 40, 3600
LONGEST_DELAY_SECONDS = 4.0
_DELAY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Brake:
    """What a try to sign in meets: a refusal, or a delay before the password is looked at."""

    refused: bool = False
    seconds: float = 0.0


def brake(name: str, address: str) -> Brake:
    """Return what a try of this name from this address meets now.

    Without Redis nothing is counted: a server that lost it stays usable for those who know their password.
    """
    try:
        pair, by_name, by_address = (int(count or 0) for count in heartbeats.connection().mget(_keys(name, address)))
    except redis.RedisError as error:
        logger.warning("wrong passwords are not counted: %s", error)
        return Brake()
    if pair >= WRONG_FOR_PAIR:
        return Brake(refused=True)
    return Brake(seconds=delay(max(by_name - FREE_FOR_NAME, by_address - FREE_FOR_ADDRESS)))


def delay(beyond: int) -> float:
    """Return the seconds that the n-th try beyond the free ones waits: 0.25, 0.5, 1, 2 and then 4."""
    return min(LONGEST_DELAY_SECONDS, _DELAY_SECONDS * 2.0 ** min(beyond, 8)) if beyond >= 0 else 0.0


def count_wrong(name: str, address: str) -> None:
    """Count one wrong password; the counts fade by themselves."""
    pair, by_name, by_address = _keys(name, address)
    try:
        pipeline = heartbeats.connection().pipeline()
        for key, seconds in ((pair, PAUSE_SECONDS), (by_name, REMEMBERED_SECONDS), (by_address, REMEMBERED_SECONDS)):
            pipeline.incr(key)
            pipeline.expire(key, seconds)
        pipeline.execute()
    except redis.RedisError as error:
        logger.warning("a wrong password was not counted: %s", error)


def _keys(name: str, address: str) -> tuple[str, str, str]:
    """Names are hashed: people type passwords into the wrong field."""
    hashed = hashlib.sha256(name.lower().encode()).hexdigest()
    return f"wrong:pair:{hashed}:{address}", f"wrong:name:{hashed}", f"wrong:address:{address}"
