"""Scores a controller by how long it keeps the pole upright."""

from __future__ import annotations

import random
from typing import Any

from episodes import mean_return

EPISODES = 10


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return the steps that the pole stood, on average over episodes whose starts the seed draws."""
    chance = random.Random(seed)
    steps = mean_return(candidate, [chance.randrange(2**31) for _ in range(EPISODES)])
    return {"metrics": {"steps": steps}, "feedback": f"{steps:.1f} of 500 steps on average."}
