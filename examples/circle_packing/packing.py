"""Circles in the unit square: a first, simple arrangement of concentric rings."""

import math

# EVOLVE-BLOCK-START
MARGIN = 0.01


def ring(count, radius):
    """Return `count` points, evenly spaced on a circle around the middle of the square."""
    points = []
    for i in range(count):
        angle = 2 * math.pi * i / count
        points.append([0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)])
    return points


def bottom_row(count):
    """Return `count` points along the bottom edge, from the left corner on."""
    return [[i / count, 0.0] for i in range(count)]


def clamp(value):
    """Keep a coordinate inside the square, a little away from the edge."""
    return min(max(value, MARGIN), 1 - MARGIN)


def place_centers(n):
    """One circle in the middle, a ring of eight, a ring of sixteen, and whatever is left at the bottom."""
    centers = [[0.5, 0.5]] + ring(8, 0.3) + ring(16, 0.7)
    centers = centers[:n]
    centers = centers + bottom_row(n - len(centers))
    return [[clamp(x), clamp(y)] for x, y in centers]


def fit_radii(centers):
    """Start from the distance to the nearest edge, then shrink each pair that overlaps."""
    radii = [min(x, y, 1 - x, 1 - y) for x, y in centers]
    for i in range(len(centers)):
        for j in range(i + 1, len(centers)):
            distance = math.dist(centers[i], centers[j])
            if radii[i] + radii[j] > distance:
                scale = distance / (radii[i] + radii[j])
                radii[i] *= scale
                radii[j] *= scale
    return radii


def pack(n):
    """Return the centers and the radii of `n` circles that do not overlap."""
    centers = place_centers(n)
    radii = fit_radii(centers)
    return centers, radii


# EVOLVE-BLOCK-END


def construct(n):
    """Return `n` circles in the unit square as [x, y, radius]."""
    centers, radii = pack(n)
    return [[x, y, radius] for (x, y), radius in zip(centers, radii)]
