"""The valleys: made by seed, known to the evaluator alone."""

import random


def make(seed, width):
    """Return the bumps of a valley and the range in which it lies."""
    chance = random.Random(f"valley {seed}")
    bumps = [
        [chance.uniform(-width, width), chance.uniform(0.5, 2.0), chance.uniform(0.5, 2.0)] for _ in range(4)
    ]
    return bumps, -2.0 * width, 2.0 * width


def height(bumps, x):
    """Return the height of the ground at x."""
    return sum(depth * (abs(x - centre) / width) ** 1.5 for centre, depth, width in bumps)


def lowest(bumps, low, high):
    """Return the height of the lowest point: the ground curves upwards everywhere, so halving finds it."""
    for _ in range(200):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if height(bumps, left) < height(bumps, right):
            high = right
        else:
            low = left
    return height(bumps, (low + high) / 2)
