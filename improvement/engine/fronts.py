"""Which of many points no other one beats in everything: the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]


def front(points: Sequence[Point]) -> list[int]:
    """Return the indices of the points that no other point dominates, by their first value; higher is better in both.

    Of equal points the first counts. O(n log n), after Kung, Luccio and Preparata, JACM 22(4), 1975.
    """
    best_first = sorted(range(len(points)), key=lambda index: (-points[index][0], -points[index][1], index))
    kept: list[int] = []
    highest = float("-inf")
    for index in best_first:
        if points[index][1] > highest:
            kept.append(index)
            highest = points[index][1]
    return kept[::-1]
