"""A linear controller: the action whose weights fit the measurements best is taken."""

# EVOLVE-BLOCK-START
# One row for each action (turn the joint back, leave it, turn it on): weights of the cosine and the sine of the first
# angle, the cosine and the sine of the second one, and the two turning speeds.
WEIGHTS = [
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
]
# EVOLVE-BLOCK-END


def weights():
    """Return the weights, a row for each action."""
    return WEIGHTS
