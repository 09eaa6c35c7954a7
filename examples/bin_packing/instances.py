"""The items: drawn by seed, so that nobody can know them beforehand."""

from __future__ import annotations

import math
import random

CAPACITY = 100
SCALE, SHAPE = 45.0, 3.0


def weibull_items(count: int, seed: str) -> list[int]:
    """Return sizes from 1 to 100 of a Weibull distribution (scale 45, shape 3), rounded to whole numbers."""
    chance = random.Random(seed)
    return [min(max(round(chance.weibullvariate(SCALE, SHAPE)), 1), CAPACITY) for _ in range(count)]


def fewest_bins(items: list[int]) -> int:
    """Return how many bins the sizes fill when nothing is lost (the L1 bound)."""
    return math.ceil(sum(items) / CAPACITY)
