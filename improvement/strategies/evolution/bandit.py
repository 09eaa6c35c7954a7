"""Which operator to use next: those that brought improvements lately come more often, none dies out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from operators import Operator

LEARNING_RATE = 0.08
FLOOR = 0.25
"""The share of its weight that an operator keeps when it never helps."""


class Bandit:
    """Adaptive operator choice; credit is counted per evaluation, never in seconds, so that runs repeat exactly."""

    def __init__(self, operators: Mapping[str, Operator]) -> None:
        self.operators = dict(operators)
        self.credit = dict.fromkeys(self.operators, 0.0)
        self.used = dict.fromkeys(self.operators, 0)

    def choose(self, chance: random.Random) -> Operator:
        """Return an operator: one that was never tried first, then by weight and credit."""
        names = [name for name in self.operators if self.used[name] == 0] or list(self.operators)
        top = max(self.credit.values()) or 1.0
        weights = [self.operators[name].weight * (FLOOR + self.credit[name] / top) for name in names]
        return self.operators[chance.choices(names, weights)[0]]

    def note_use(self, name: str) -> None:
        """Count a proposal of an operator."""
        self.used[name] += 1

    def reward(self, name: str, gain: float) -> None:
        """Move an operator's credit towards what it brought this time (0 nothing, 1 and more a lot)."""
        if name in self.credit:
            self.credit[name] += LEARNING_RATE * (gain - self.credit[name])

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {"credit": self.credit, "used": self.used}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the credit from a state; operators that are new since then start from nothing."""
        self.credit.update({name: value for name, value in state["credit"].items() if name in self.credit})
        self.used.update({name: value for name, value in state["used"].items() if name in self.used})
