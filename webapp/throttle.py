"""Slowing down whoever guesses passwords, without locking anybody out.

Too many wrong passwords for a name from one address are refused there for a while: that stops one guesser, and the
name's owner elsewhere does not notice. Many for a name from anywhere, or from an address for any name, make every
further try slow, never impossible: a lock for the name would be a weapon against its owner (OWASP, Authentication Cheat
Sheet, "Account Lockout", which wants a count for the account and warns of that). Only so many slow tries from one
address wait at once; the next are refused on the spot. One-time links are never held up.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import redis

from improvement.exceptions import NotSignedIn, RateLimited
from webapp import heartbeats

logger = logging.getLogger(__name__)

WRONG_FOR_PAIR, PAUSE_SECONDS = 8, 300
FREE_FOR_NAME, FREE_FOR_ADDRESS, REMEMBERED_SECONDS = 10, 40, 3600
LONGEST_DELAY_SECONDS = 4.0
WAITING_FOR_ADDRESS = 4
REQUESTS_A_MINUTE = 120
WRONG_TOKENS_A_MINUTE = 60
_DELAY_SECONDS = 0.25
_waiting: Counter[str] = Counter()
_places = threading.Lock()


@dataclass(frozen=True, slots=True)
class Brake:
    """What a try to sign in meets: a refusal, or a delay before the password is looked at."""

    refused: bool = False
    seconds: float = 0.0


def count_try(name: str, address: str) -> Brake:
    """Count one try of this name from this address, and return what it meets.

    A try counts as a wrong password until ``forgive_try`` takes it back: of tries that begin at once, none passes
    uncounted. Without Redis nothing is counted: a server that lost it stays usable for those who know their password.
    """
    keys = _keys(name, address)
    try:
        if _count_pair(keys[0]) > WRONG_FOR_PAIR:
            return Brake(refused=True)
        by_name, by_address = _count_others(*keys)
    except redis.RedisError as error:
        logger.warning("wrong passwords are not counted: %s", error)
        return Brake()
    return Brake(seconds=delay(max(by_name - 1 - FREE_FOR_NAME, by_address - 1 - FREE_FOR_ADDRESS)))


def check_rate(who: str) -> None:
    """Count one request of a program, and raise RateLimited beyond what is taken in a minute.

    Without Redis nothing is counted: a server that lost it goes on taking what arrives.
    """
    try:
        count = _count_minute(f"rate:{who}")
    except redis.RedisError as error:
        logger.warning("requests are not counted: %s", error)
        return
    if count > REQUESTS_A_MINUTE:
        raise RateLimited(f"More than {REQUESTS_A_MINUTE} requests came in a minute. Wait a moment, send more at once.")


@contextmanager
def counting_wrong_tokens(address: str) -> Iterator[None]:
    """Count the block when its token is not good; raises RateLimited at once after too many in a minute.

    Only so many that begin at once pass uncounted: each costs one look at the database, and a token cannot be guessed.
    """
    key = f"wrong:token:{address}"
    if _wrong_tokens(key) >= WRONG_TOKENS_A_MINUTE:
        raise RateLimited("Too many tokens that are not known here came from your address. Wait a minute.")
    try:
        yield
    except NotSignedIn:
        with suppress(redis.RedisError):
            _count_minute(key)
        raise


def _wrong_tokens(key: str) -> int:
    try:
        return int(heartbeats.connection().get(key) or 0)
    except redis.RedisError as error:
        logger.warning("wrong tokens are not counted: %s", error)
        return 0


def _count_minute(key: str) -> int:
    """Add one to a count that begins anew each minute, and return it."""
    counting = heartbeats.connection().pipeline()
    counting.set(key, 0, ex=60, nx=True)
    counting.incr(key)
    return int(counting.execute()[-1])


def delay(beyond: int) -> float:
    """Return the seconds that the n-th try beyond the free ones waits: 0.25, 0.5, 1, 2 and then 4."""
    return min(LONGEST_DELAY_SECONDS, _DELAY_SECONDS * 2.0 ** min(beyond, 8)) if beyond >= 0 else 0.0


def forgive_try(name: str, address: str) -> None:
    """Take one counted try back, whose password was right, and what was wrong before it from the same address."""
    pair, by_name, by_address = _keys(name, address)
    try:
        forgiving = heartbeats.connection().pipeline()
        forgiving.delete(pair)
        forgiving.decr(by_name)
        forgiving.decr(by_address)
        forgiving.execute()
    except redis.RedisError as error:
        logger.warning("a right password was not taken off the wrong ones: %s", error)


@contextmanager
def waiting(address: str) -> Iterator[bool]:
    """Hold one of the few places where tries from an address wait at once; gives whether there was one.

    A try that waits holds a thread of the server; nobody may hold many by trying often.
    """
    with _places:
        _waiting[address] += 1
        has_place = _waiting[address] <= WAITING_FOR_ADDRESS
    try:
        yield has_place
    finally:
        with _places:
            _waiting[address] -= 1
            if not _waiting[address]:
                del _waiting[address]


def _count_pair(pair: str) -> int:
    """Add one to the tries of a name from an address; a refused one makes the pause no longer."""
    counting = heartbeats.connection().pipeline()
    counting.set(pair, 0, ex=PAUSE_SECONDS, nx=True)
    counting.incr(pair)
    return int(counting.execute()[-1])


def _count_others(pair: str, by_name: str, by_address: str) -> tuple[int, int]:
    """Add one to the tries of a name and to those from an address; all counts fade by themselves."""
    counting = heartbeats.connection().pipeline()
    for key in (by_name, by_address):
        counting.incr(key)
        counting.expire(key, REMEMBERED_SECONDS)
    counting.expire(pair, PAUSE_SECONDS)
    for_name, _, for_address, *_ = counting.execute()
    return int(for_name), int(for_address)


def _keys(name: str, address: str) -> tuple[str, str, str]:
    """Names are hashed: people type passwords into the wrong field."""
    hashed = hashlib.sha256(name.lower().encode()).hexdigest()
    return f"wrong:pair:{hashed}:{address}", f"wrong:name:{hashed}", f"wrong:address:{address}"
