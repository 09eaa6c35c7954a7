"""A linear controller: the action whose weights fit the measurements best is taken."""

# EVOLVE-BLOCK-START
# One row for each action (push left, push right): weights of position, speed, angle and turning speed.
WEIGHTS = [
    [0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0],
]
# EVOLVE-BLOCK-END


def weights():
    """Return the weights, a row for each action."""
    return WEIGHTS
