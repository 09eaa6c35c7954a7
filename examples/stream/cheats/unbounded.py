"""Wants to move its weights without any bound."""


def rule():
    """Return a rule that one observation may move anywhere."""
    return {
        "features": "plain",
        "model": "softmax",
        "rate": 1.0,
        "scaling": 0.0,
        "shrinkage": 0.0,
        "replay": 0,
        "memory": 200,
        "detector": "none",
        "delta": 0.002,
        "reaction": "none",
        "boost": 3.0,
        "calm": 100,
        "largest_update": 1e9,
    }
