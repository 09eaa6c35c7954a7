"""Where to look next in a space of weights: augmented random search, beside the CMA-ES of the kit.

Mania, Guy and Recht, "Simple random search provides a competitive approach to reinforcement learning" (NeurIPS 2018),
its first version with the best directions only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Method(Protocol):
    """Something that gives points and learns from their scores (higher is better)."""

    def points(self, count: int) -> list[np.ndarray]:
        """Return the next points, each of shape (weights,)."""

    def learn(self, scored: Sequence[tuple[np.ndarray, float]]) -> None:
        """Take the scores of the points that were given last, in their order."""


class RandomSearch:
    """Tries both ways along random directions and moves the middle along the best ones."""

    def __init__(self, middle: np.ndarray, seed: int, *, best: int, noise: float, step: float) -> None:
        self.middle, self.moved, self.skipped = middle, False, 0
        self.chance = np.random.default_rng(seed)
        self.best, self.noise, self.step = best, noise, step

    def points(self, count: int) -> list[np.ndarray]:
        """Return the two ends of each direction, after the middle when it has moved and the number is odd."""
        first = [self.middle] if self.moved and count % 2 else []
        self.moved = False
        self.skipped = len(first)
        ways = self.chance.standard_normal(((count + 1) // 2, len(self.middle)))
        ends = [self.middle + sign * self.noise * way for way in ways for sign in (1, -1)]
        return [*first, *ends][:count]

    def learn(self, scored: Sequence[tuple[np.ndarray, float]]) -> None:
        """Move the middle along the best directions, in units of their scores' spread."""
        ends = scored[self.skipped :]
        pairs = list(zip(ends[::2], ends[1::2], strict=False))
        chosen = sorted(pairs, key=lambda pair: -max(pair[0][1], pair[1][1]))[: self.best]
        spread = float(np.std([score for pair in chosen for _, score in pair])) if chosen else 0.0
        if spread > 0:
            ways = np.array([(forth[0] - self.middle) / self.noise for forth, _ in chosen])
            gains = np.array([forth[1] - back[1] for forth, back in chosen])
            self.middle = self.middle + self.step / (len(chosen) * spread) * gains @ ways
            self.moved = True
