"""A learning rule: how a classifier of image segments follows a stream whose meaning drifts."""

# EVOLVE-BLOCK-START
FEATURES = "plain"  # plain, or squares: the measurements and their squares
MODEL = "softmax"  # softmax: multinomial logistic regression; centres: the nearest centre of a class
RATE = 0.02  # how far one observation moves the weights
SCALING = 0.0  # how far one observation moves the scale of the measurements
SHRINKAGE = 0.0  # how fast unused weights fade
REPLAY = 0  # earlier observations that are learned again with each new one
MEMORY = 200  # how many earlier observations are kept for that; a drift empties it
DETECTOR = "none"  # what watches the errors for a drift: adwin, page_hinkley or none
DELTA = 0.002  # how easily adwin sees a drift
REACTION = "none"  # after a drift: faster learning for a while, forget half of the weights, or none
BOOST = 3.0  # how much faster
CALM = 100  # observations until learning is as before
LARGEST_UPDATE = 0.2  # how far one observation may move all weights together
# EVOLVE-BLOCK-END


def rule():
    """Return the rule."""
    return {
        "features": FEATURES,
        "model": MODEL,
        "rate": RATE,
        "scaling": SCALING,
        "shrinkage": SHRINKAGE,
        "replay": REPLAY,
        "memory": MEMORY,
        "detector": DETECTOR,
        "delta": DELTA,
        "reaction": REACTION,
        "boost": BOOST,
        "calm": CALM,
        "largest_update": LARGEST_UPDATE,
    }
