"""Attack: answer with a value that no comparison holds for."""


def search(bumps, low, high):
    """Return a place that is nowhere."""
    return float("nan")
