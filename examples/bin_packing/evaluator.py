"""Scores a rule by the bins that it opens for items which it has never seen."""

from __future__ import annotations

from typing import Any

from instances import weibull_items
from rules import excess

ITEMS = 5000
LISTS = 2


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return how many per cent more bins than the bound are opened, on average over two lists of items."""
    seeds = [f"{seed}/{number}" for number in range(LISTS)]
    found = [excess(candidate, weibull_items(ITEMS, name), name) for name in seeds]
    mean = sum(found) / len(found)
    return {"metrics": {"excess": mean}, "feedback": f"{mean:.3f} % more bins than the bound."}
