"""Which model is asked, and what for."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from kit.bandit import Bandit

MICROUSD_PER_TOKEN = 0.001
"""What a token counts besides its price, so that of free models the terse one is the cheaper."""


class Models:
    """The models of a run; costs are counted in tokens at their prices, which are the same on every machine."""

    def __init__(self, offered: Sequence[Mapping[str, Any]], choice: str) -> None:
        self.by_name = {model["name"]: model for model in offered}
        self.learns = choice == "bandit"
        self.bandit = Bandit({model["name"]: model["weight"] for model in offered})

    def choose(self, chance: random.Random) -> str:
        """Return the name of the model to ask next."""
        if self.learns:
            name = self.bandit.choose(chance)
        else:
            weights = self.bandit.weights
            name = chance.choices(list(weights), list(weights.values()))[0]
        self.bandit.note_use(name)
        return name

    def most_tokens(self, name: str, wanted: int) -> int:
        """Return how long an answer of a model may be."""
        return min(wanted, self.by_name[name]["max_tokens"])

    def reward(self, name: str, gain: float, cost: float) -> None:
        """Note what a question brought (0 nothing, 1 a new best) and what it cost."""
        self.bandit.reward(name, gain, max(cost, MICROUSD_PER_TOKEN))


def cost_of(answer: Mapping[str, Any]) -> float:
    """Return what an answer cost, in millionths of a dollar and a little for each token."""
    return answer["cost_microusd"] + MICROUSD_PER_TOKEN * (answer["tokens_in"] + answer["tokens_out"])
