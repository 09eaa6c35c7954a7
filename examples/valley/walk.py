"""Look for the lowest point of a valley, given as bumps: [centre, depth, width] each."""

import random

LOOKS = 40


def height(bumps, x):
    """Return the height of the ground at x."""
    return sum(depth * (abs(x - centre) / width) ** 1.5 for centre, depth, width in bumps)


def search(bumps, low, high):
    """Return where the lowest point seems to be."""
    chance = random.Random(len(bumps))
    best = low
    for _ in range(LOOKS):
        x = chance.uniform(low, high)
        if height(bumps, x) < height(bumps, best):
            best = x
    return best
