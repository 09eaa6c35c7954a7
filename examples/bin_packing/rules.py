"""What counts as a packing: the rules that the evaluator and the holdout share."""

from __future__ import annotations

import random
from typing import Any

from instances import CAPACITY, fewest_bins

from countersign import CandidateFailed


def excess(candidate: Any, items: list[int], seed: str) -> float:
    """Return how many per cent more bins than the bound the candidate opens for these items.

    Raises CandidateFailed when an item is missing, a bin is too full, or a choice depends on items yet to come.
    """
    chosen = read(candidate.call("pack", items, CAPACITY), len(items))
    filled: dict[int, int] = {}
    for item, place in zip(items, chosen, strict=True):
        filled[place] = filled.get(place, 0) + item
        if filled[place] > CAPACITY:
            raise CandidateFailed(f"bin {place} holds {filled[place]}, more than {CAPACITY}.")
    check_online(candidate, items, chosen, seed)
    bound = fewest_bins(items)
    return 100.0 * (len(filled) - bound) / bound


def read(chosen: object, count: int) -> list[int]:
    """Return the numbers of the bins; raises CandidateFailed unless there is a whole number for each item."""
    if type(chosen) is not list or len(chosen) != count:
        raise CandidateFailed(f"pack must return a list with a bin for each of {count} items.")
    if not all(type(place) is int for place in chosen):
        raise CandidateFailed("pack must return whole numbers.")
    return chosen


def check_online(candidate: Any, items: list[int], chosen: list[int], seed: str) -> None:
    """Raise CandidateFailed when the first items are placed differently once the later ones are not known."""
    known = random.Random(f"known {seed}").randrange(len(items) // 4, len(items) // 2)
    if candidate.call("pack", items[:known], CAPACITY) != chosen[:known]:
        raise CandidateFailed("an item's bin depends on items that come later.")
