"""Which way to propose next: those that brought most for their cost lately come more often, none dies out.

The host lays this module into every strategy package as ``kit.bandit``, so it imports the standard library alone.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from typing import Any

LEARNING_RATE = 0.08
FLOOR = 0.25
"""The share of its weight that an arm keeps when it never helps."""


class Bandit:
    """Adaptive choice among arms by name, each with a weight from the start.

    An arm's merit is the gain that it brought lately for each unit of cost. Costs are counted in units that are the
    same on every machine (evaluations, tokens), never in seconds, so that runs repeat exactly.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = dict(weights)
        self.credit = dict.fromkeys(self.weights, 0.0)
        self.cost = dict.fromkeys(self.weights, 1.0)
        self.used = dict.fromkeys(self.weights, 0)
        self.priced = dict.fromkeys(self.weights, False)

    def merit(self, name: str) -> float:
        """Return what an arm brought lately for each unit of cost."""
        return self.credit[name] / self.cost[name]

    def choose(self, chance: random.Random, among: Collection[str] | None = None) -> str:
        """Return an arm's name: one that was never tried first, then by weight and merit.

        Only those ``among`` these names may be chosen; all where nothing is said.
        """
        free = [name for name in self.weights if among is None or name in among]
        names = [name for name in free if self.used[name] == 0] or free
        top = max(map(self.merit, self.weights)) or 1.0
        weights = [self.weights[name] * (FLOOR + self.merit(name) / top) for name in names]
        return chance.choices(names, weights)[0]

    def note_use(self, name: str) -> None:
        """Count a proposal of an arm; what is none of them is not counted."""
        if name in self.used:
            self.used[name] += 1

    def reward(self, name: str, gain: float, cost: float = 1.0) -> None:
        """Move an arm's credit towards what it brought this time (0 nothing, 1 and more a lot), and for what cost.

        Raises ValueError unless the cost is above 0.
        """
        if not cost > 0:
            raise ValueError(f"the cost of {name!r} has to be above 0, and {cost!r} is not")
        if name in self.credit:
            self.credit[name] += LEARNING_RATE * (gain - self.credit[name])
            self.cost[name] += (LEARNING_RATE if self.priced[name] else 1.0) * (cost - self.cost[name])
            self.priced[name] = True

    def state(self) -> dict[str, Any]:
        """Return everything that was learned, as plain values."""
        return {"credit": self.credit, "cost": self.cost, "used": self.used, "priced": self.priced}

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over what a state holds; arms that are new since then start from nothing."""
        for part, learned in state.items():
            getattr(self, part).update({name: value for name, value in learned.items() if name in self.weights})
