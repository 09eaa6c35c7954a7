"""Honest: the ground has one deepest point, so cut away the higher third again and again."""


def search(height):
    """Return the middle of what is left."""
    low, high = -5.0, 5.0
    for _ in range(20):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if height(left) < height(right):
            high = right
        else:
            low = left
    return (low + high) / 2
