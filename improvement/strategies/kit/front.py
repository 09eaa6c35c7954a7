"""Several goals at once: which points no other beats in everything, and which of them stand apart.

Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II" (2002). In all of
it a point is a sequence of numbers, one for each goal, and more is better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = Sequence[float]


def dominates(one: Point, other: Point) -> bool:
    """Whether a point is nowhere worse than another and somewhere better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True))


def front(points: Sequence[Point]) -> list[int]:
    """Return the places of the points that no other dominates, in their order."""
    return [place for place, point in enumerate(points) if not any(dominates(other, point) for other in points)]


def ranks(points: Sequence[Point]) -> list[int]:
    """Return a rank for each point: 0 on the front, 1 on the front of what is left without it, and so on."""
    found = [0] * len(points)
    left = list(range(len(points)))
    rank = 0
    while left:
        first = [left[place] for place in front([points[place] for place in left])]
        for place in first:
            found[place] = rank
        left = [place for place in left if place not in first]
        rank += 1
    return found


def crowding(points: Sequence[Point]) -> list[float]:
    """Return how far each point stands from its neighbours, summed over the goals in widths of their ranges.

    The best and the worst of every goal have infinity: they are the ends of what is known.
    """
    found = [0.0] * len(points)
    for goal in range(len(points[0]) if points else 0):
        order = sorted(range(len(points)), key=lambda place: points[place][goal])
        low, high = points[order[0]][goal], points[order[-1]][goal]
        found[order[0]] = found[order[-1]] = math.inf
        for before, place, after in zip(order, order[1:], order[2:], strict=False):
            width = (high - low) or 1.0
            found[place] += (points[after][goal] - points[before][goal]) / width
    return found


def order(points: Sequence[Point]) -> list[int]:
    """Return the places of all points from the best on: by rank, then by distance, then by the first goal."""
    rank = ranks(points)
    apart = [0.0] * len(points)
    for level in set(rank):
        members = [place for place in range(len(points)) if rank[place] == level]
        for place, distance in zip(members, crowding([points[place] for place in members]), strict=True):
            apart[place] = distance
    return sorted(
        range(len(points)), key=lambda place: (rank[place], -apart[place], [-value for value in points[place]])
    )
