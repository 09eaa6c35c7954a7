"""Asks for the related ones among 250 articles, and times that."""

from slow import related
from timing import compare


def evaluate(candidate, *, seed, stage, case):
    """Return how much faster the candidate is than the function as it was; a wrong answer is a failure."""
    return compare(candidate, related, seed, articles=250, tags=300, most=6)
