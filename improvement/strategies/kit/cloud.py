"""CMA-ES: a normal distribution over numbers that follows its better points.

Hansen, "The CMA Evolution Strategy: A Tutorial" (2016), by the package cmaes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cmaes import CMA

ARRAYS = ("_mean", "_C", "_p_sigma", "_pc", "_B", "_D")
NUMBERS = ("_sigma", "_g")
"""What a cloud's next points depend on beside what follows from its size; the decomposed matrix belongs to it, for made
anew it may differ in signs, and so would every later point."""


class Cloud:
    """A cloud of points around a middle, at first as wide as `width` in every direction."""

    def __init__(self, middle: Sequence[float], seed: int, *, width: float) -> None:
        self.inner = CMA(mean=np.array(middle, dtype=float), sigma=width, seed=seed % 2**32)
        self.known: list[tuple[np.ndarray, float]] = []

    @property
    def width(self) -> float:
        """How wide the cloud is now, as the step size of CMA-ES."""
        return float(self.inner._sigma)

    @property
    def enough(self) -> int:
        """How many points move the cloud once."""
        return self.inner.population_size

    def points(self, count: int) -> list[np.ndarray]:
        """Return a sample of the cloud, each point of shape (numbers,)."""
        return [self.inner.ask() for _ in range(count)]

    def learn(self, scored: Sequence[tuple[np.ndarray, float]]) -> bool:
        """Take scores of points (higher is better), move the cloud when enough are known; return whether it moved."""
        self.known += [(np.asarray(point), -score) for point, score in scored]
        moves, before = self.enough, self.inner.generation
        while len(self.known) >= moves:
            self.inner.tell(self.known[:moves])
            del self.known[:moves]
        return self.inner.generation > before

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        inner = vars(self.inner)
        kind, words, *rest = self.inner._rng.get_state()
        return {
            **{name: None if inner[name] is None else inner[name].tolist() for name in ARRAYS},
            **{name: float(inner[name]) for name in NUMBERS},
            "chance": [kind, words.tolist(), *rest],
            "known": [[point.tolist(), score] for point, score in self.known],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Cloud:
        """Return the cloud that a state was taken of."""
        cloud = cls.__new__(cls)
        cloud.__setstate__(state)
        return cloud

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickling keeps: the state."""
        return self.state()

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.inner = CMA(mean=np.array(state["_mean"]), sigma=1.0)
        for name in ARRAYS:
            setattr(self.inner, name, None if state[name] is None else np.array(state[name]))
        self.inner._sigma, self.inner._g = state["_sigma"], int(state["_g"])
        self.inner._rng.set_state(tuple(state["chance"]))
        self.known = [(np.array(point), score) for point, score in state["known"]]
