"""Asks the same rule to pack other numbers of items, which the loop never sees."""

from __future__ import annotations

from typing import Any

from instances import weibull_items
from rules import excess

ITEMS = (5000, 5000, 5000, 1000, 10_000)


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return how many per cent more bins than the bound are opened for the case's number of items."""
    name = f"holdout {seed}/{case}"
    found = excess(candidate, weibull_items(ITEMS[case % len(ITEMS)], name), name)
    return {"metrics": {"excess": found}, "feedback": f"{found:.3f} % more bins than the bound."}
