"""Adds answers of its own to the rule."""


def rule():
    """Return a rule with a prediction in it."""
    return {
        "features": "plain",
        "model": "softmax",
        "rate": 0.02,
        "scaling": 0.0,
        "shrinkage": 0.0,
        "replay": 0,
        "memory": 200,
        "detector": "none",
        "delta": 0.002,
        "reaction": "none",
        "boost": 3.0,
        "calm": 100,
        "largest_update": 0.2,
        "answers": ["sky"] * 1380,
    }
