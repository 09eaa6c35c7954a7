"""Every seed of a run, derived and never drawn, so that the same run gives the same candidates.

Two families: what only needs the run's own seed (the seed that all candidates are measured
with, and the strategy's), and what needs a key that neither a strategy nor a target can
know (confirmation and holdout).
"""

from __future__ import annotations

import hashlib
import hmac

_RUN_KEY = b"countersign run seed"


def derive(key: bytes, *parts: str | int) -> int:
    """Return a seed in [0, 2**31) that only the key foresees (HMAC-SHA256, RFC 2104)."""
    message = b"".join(_part(part) for part in parts)
    return int.from_bytes(hmac.new(key, message, hashlib.sha256).digest()[:4], "big") >> 1


def measure_seed(run_seed: int) -> int:
    """Return the one seed that every candidate of a run is measured with.

    Common random numbers: a change that does nothing scores exactly what its parent scored.
    """
    return derive(_RUN_KEY, "measure", run_seed)


def strategy_seed(run_seed: int) -> int:
    """Return the seed that the strategy's own random choices start from."""
    return derive(_RUN_KEY, "strategy", run_seed)


def offline_key(run_seed: int) -> bytes:
    """Return the key of a run that has no kernel key: repeated, it confirms on the same seeds."""
    return hmac.new(_RUN_KEY, _part("offline") + _part(run_seed), hashlib.sha256).digest()


def confirm_seeds(key: bytes, candidate_digest: str, count: int) -> tuple[int, ...]:
    """Return the distinct seeds on which a candidate and the champion are both confirmed."""
    seeds: dict[int, None] = {}
    index = 0
    while len(seeds) < count:
        seeds[derive(key, candidate_digest, "confirm", index)] = None
        index += 1
    return tuple(seeds)


def holdout_seed(key: bytes, candidate_digest: str, case: int) -> int:
    """Return the seed of one holdout case of one candidate (the champion gets the same)."""
    return derive(key, candidate_digest, "holdout", case)


def _part(part: str | int) -> bytes:
    kind, text = (b"i", str(int(part))) if isinstance(part, int) else (b"s", part)
    data = text.encode("utf-8")
    return kind + len(data).to_bytes(4, "big") + data
