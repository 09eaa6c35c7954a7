"""Score a walk: how far above the lowest point it ends, over eight valleys of this seed."""

from countersign import CandidateFailed
from valleys import height, lowest, make

VALLEYS = 8


def evaluate(candidate, *, seed, stage, case):
    """Return the mean depth that is missing."""
    return {"depth": missing(candidate, [f"{seed}/{number}" for number in range(VALLEYS)], width=3.0)}


def missing(candidate, seeds, *, width):
    """Return how far above the lowest point the candidate ends, on average."""
    total = 0.0
    for seed in seeds:
        bumps, low, high = make(seed, width)
        x = candidate.within(1.0).call("search", bumps, low, high)
        if type(x) is not float or not low <= x <= high:
            raise CandidateFailed(f"search answered {x!r}, which is no place in the valley")
        total += max(0.0, height(bumps, x) - lowest(bumps, low, high))
    return total / len(seeds)
