"""Scores a rule by the bins that it opens for items which it has never seen."""

from __future__ import annotations

from typing import Any

from instances import weibull_items
from rules import excess

ITEMS, LISTS = 5000, 2
SHORT = 500


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return how many per cent more bins than the bound are opened: on two lists, at the stage "short" on one of 500."""
    lists, items = (1, SHORT) if stage == "short" else (LISTS, ITEMS)
    seeds = [f"{seed}/{number}" for number in range(lists)]
    found = [excess(candidate, weibull_items(items, name), name) for name in seeds]
    mean = sum(found) / len(found)
    return {"metrics": {"excess": mean}, "feedback": f"{mean:.3f} % more bins than the bound."}
