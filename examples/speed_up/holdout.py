"""Asks the same of articles of other kinds, which the loop never sees."""

from slow import related
from timing import compare

SHAPES = [
    {"articles": 400, "tags": 300, "most": 6},
    {"articles": 300, "tags": 900, "most": 6},
    {"articles": 300, "tags": 60, "most": 4},
    {"articles": 200, "tags": 400, "most": 20},
]


def evaluate(candidate, *, seed, stage, case):
    """Return how much faster the candidate is on the articles of this case."""
    return compare(candidate, related, f"holdout {seed}/{case}", **SHAPES[case % len(SHAPES)])
