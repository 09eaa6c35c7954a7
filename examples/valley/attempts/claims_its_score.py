"""Attack: report a score instead of an answer, as where the program counts its own success."""


def search(bumps, low, high):
    """Return a claim."""
    return {"x": 0.0, "depth": -99.0}
