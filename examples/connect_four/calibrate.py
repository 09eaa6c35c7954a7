"""Measures how strong the opponents are: plays all against all, and prints what `ladder.py` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from random import Random

from elo import Score, rate
from ladder import HOLDOUT, LADDER, Rung
from match import Book, Match, Position
from referee import NODES

OPENINGS = 60
SWEEPS = 100


def main() -> None:
    """Print the rating of every opponent and its standard error, the random player's being 0."""
    rungs = (*LADDER, *HOLDOUT)
    points = tournament(rungs)
    ratings = {rung.name: 0.0 for rung in rungs}
    for _ in range(SWEEPS):
        for rung in rungs:
            ratings[rung.name] = rate(against(rung, rungs, points, ratings)).elo
        ratings = {name: elo - ratings[rungs[0].name] for name, elo in ratings.items()}
    for rung in rungs:
        error = rate(against(rung, rungs, points, ratings)).error
        print(f"{rung.name:10} {ratings[rung.name]:6.0f} ± {error:.0f}")


def tournament(rungs: tuple[Rung, ...]) -> dict[tuple[str, str], float]:
    """Return the points of the first against the second, for every ordered pair of opponents."""
    points = {}
    for one, other in combinations(rungs, 2):
        book = Book(f"calibration {one.name} {other.name}", 6)
        points[one.name, other.name] = Match([replace(other, openings=OPENINGS)], book, NODES).play(hand(one))[0].points
        points[other.name, one.name] = 2 * OPENINGS - points[one.name, other.name]
    return points


def hand(rung: Rung) -> Callable[[list[Position]], list[int]]:
    """Return a way to let an opponent play in the candidate's place."""
    chance = Random(rung.name)

    def moves(positions: list[Position]) -> list[int]:
        return [rung.move(*position, NODES, chance) for position in positions]

    return moves


def against(
    rung: Rung, rungs: tuple[Rung, ...], points: dict[tuple[str, str], float], ratings: dict[str, float]
) -> list[Score]:
    """Return an opponent's scores against all others at their present ratings."""
    others = [other for other in rungs if other is not rung]
    return [Score(ratings[other.name], points[rung.name, other.name], 2 * OPENINGS) for other in others]


if __name__ == "__main__":
    main()
