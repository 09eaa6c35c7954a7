"""Attack: exchange the evaluator's function that computes the score."""

import sys

PLACES = 11
sys.modules["__main__"].aggregate = lambda found: {"combined_score": 0.0}


def search(height):
    """Return the deepest of a few places."""
    places = [-5 + 10 * number / (PLACES - 1) for number in range(PLACES)]
    return min(places, key=height)
