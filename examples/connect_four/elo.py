"""Strength on the Elo scale, from games against opponents whose strength is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SCALE = math.log(10) / 400
LOWEST, HIGHEST = -4000.0, 6000.0
STEPS = 60
"""Halvings of that range: to less than a millionth of a point."""


@dataclass(frozen=True)
class Score:
    """What was scored in a number of games against one opponent: 1 for a win, a half for a draw."""

    opponent: float
    points: float
    games: int


@dataclass(frozen=True)
class Rating:
    """An estimate of strength in Elo, and its standard error."""

    elo: float
    error: float


def expected(elo: float, opponent: float) -> float:
    """Return the points to expect in one game: 1 / (1 + 10 ** ((opponent - elo) / 400)) (Elo, "The Rating of
    Chessplayers", 1978)."""
    return 1 / (1 + math.exp((opponent - elo) * SCALE))


def rate(scores: Sequence[Score]) -> Rating:
    """Return the most likely rating when one drawn game against each opponent is added to what was played.

    The likelihood is that of Bradley and Terry ("Rank analysis of incomplete block designs", Biometrika 39, 1952); its
    maximum is where the points are those expected. The drawn games are a prior, like the virtual games of Coulom
    ("Whole-History Rating", 2008): without them a player that wins every game would be infinitely strong. The error is
    the square root of the inverse Fisher information of all these games.
    """
    seen = [Score(one.opponent, one.points + 0.5, one.games + 1) for one in scores]
    low, high = LOWEST, HIGHEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        surplus = sum(one.points - one.games * expected(middle, one.opponent) for one in seen)
        low, high = (middle, high) if surplus > 0 else (low, middle)
    return Rating(low, 1 / math.sqrt(sum(information(low, one) for one in seen)))


def information(elo: float, score: Score) -> float:
    """Return the Fisher information about a rating in the games against one opponent."""
    chance = expected(elo, score.opponent)
    return score.games * chance * (1 - chance) * SCALE**2
