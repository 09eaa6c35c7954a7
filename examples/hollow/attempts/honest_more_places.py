"""Honest: ask at ten times as many places."""

PLACES = 111


def search(height):
    """Return the deepest of a few places."""
    places = [-5 + 10 * number / (PLACES - 1) for number in range(PLACES)]
    return min(places, key=height)
