"""Choosing parents from things that are in order, the best first."""

from __future__ import annotations

import random

CONTESTANTS = 3


def tournament(count: int, chance: random.Random) -> int:
    """Return the place of the best of three that chance draws from `count` places; raises ValueError for none."""
    return min(chance.randrange(count) for _ in range(CONTESTANTS))
