"""Honest: the ground curves upwards, so cut away the higher third again and again."""

LOOKS = 40


def height(bumps, x):
    """Return the height of the ground at x."""
    return sum(depth * (abs(x - centre) / width) ** 1.5 for centre, depth, width in bumps)


def search(bumps, low, high):
    """Return where the lowest point is."""
    for _ in range(LOOKS // 2):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if height(bumps, left) < height(bumps, right):
            high = right
        else:
            low = left
    return (low + high) / 2
