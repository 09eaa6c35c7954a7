"""Find the deepest point of a hollow by asking how high the ground is."""

PLACES = 11


def search(height):
    """Return the deepest of a few places."""
    places = [-5 + 10 * number / (PLACES - 1) for number in range(PLACES)]
    return min(places, key=height)
