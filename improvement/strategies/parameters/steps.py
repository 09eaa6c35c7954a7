"""Small steps away from the best values so far: beside a model of the whole space, what lies near a good place."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from kit.dimensions import Choice, Dimension, Number
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from space import within

DIGITS = 6
WIDTH, NARROWEST, WIDEST = 0.2, 0.01, 0.5
"""How far the first steps go, and the least and the most, in widths of a parameter's range."""
LONGER, SHORTER = 1.5, 0.93
"""What becomes of the width when a step brought a new best, or did not."""
ELITES = 3
MORE = 3.0
"""How many parameters a step moves beyond the first, on average."""

Values = Mapping[str, Any]


class Steps:
    """Steps whose width adapts: longer while they bring new bests, shorter while they do not."""

    def __init__(self, ranges: Mapping[str, BaseDistribution], seed: int) -> None:
        self.ranges = ranges
        self.dimensions = {name: dimension(limits) for name, limits in ranges.items()}
        self.chance = random.Random(f"steps {seed}")  # noqa: S311 - a search, no secret
        self.width = WIDTH

    def next(self, best: Sequence[Values]) -> dict[str, Any]:
        """Return values a step away from one of the best, the first of them most often."""
        parent = best[min(int(self.chance.expovariate(1.0)), ELITES - 1, len(best) - 1)]
        count = min(len(self.dimensions), 1 + int(self.chance.expovariate(1 / MORE)))
        chosen = self.chance.sample(list(self.dimensions), count)
        return {**parent, **{name: self.near(name, parent[name]) for name in chosen}}

    def near(self, name: str, value: Any) -> Any:
        """Return another value of a parameter, about a width away."""
        return within(self.ranges[name], self.dimensions[name].near(value, self.width, self.chance))

    def learn(self, *, better: bool) -> None:
        """Adapt the width to whether a step brought a new best."""
        self.width = min(WIDEST, max(NARROWEST, self.width * (LONGER if better else SHORTER)))

    def state(self) -> list[Any]:
        """Return everything that the next steps depend on, as plain values."""
        version, numbers, gauss = self.chance.getstate()
        return [self.width, version, list(numbers), gauss]

    def restore(self, state: Sequence[Any]) -> None:
        """Go on where a state was taken."""
        self.width, version, numbers, gauss = state
        self.chance.setstate((version, tuple(numbers), gauss))


def dimension(limits: BaseDistribution) -> Dimension:
    """Return what a parameter may be, from the form that Optuna gives it."""
    if isinstance(limits, CategoricalDistribution):
        return Choice(tuple(limits.choices))
    return Number(float(limits.low), float(limits.high), limits.log, isinstance(limits, IntDistribution), DIGITS)
