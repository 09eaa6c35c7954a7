"""Games between a candidate and fixed opponents: the referee keeps every board and believes no move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from board import COLUMNS, SQUARES, has_four, landing, playable
from elo import Score
from ladder import Rung

Position = tuple[int, int]
"""The stones of the side to move, and those of the other side."""

Players = Callable[[list[Position]], list[int]]
"""Whoever answers a column for each of several positions."""


class RuleBroken(Exception):
    """A move is none; the message says which and where."""


@dataclass
class Game:
    """One game; `points` are the candidate's once it is over, None before."""

    opponent: Rung
    position: Position
    candidate_moves: bool
    chance: Random
    points: float | None = None

    def play(self, column: int) -> None:
        """Put a stone into a column for the side to move, and note how the game ended if it did."""
        mine, theirs = self.position
        stone = landing(mine | theirs, column)
        if not stone:
            raise RuleBroken(f"Column {column} is full.")
        if has_four(mine | stone):
            self.points = 1.0 if self.candidate_moves else 0.0
        elif mine | theirs | stone == SQUARES:
            self.points = 0.5
        self.position = theirs, mine | stone
        self.candidate_moves = not self.candidate_moves


@dataclass(frozen=True)
class Book:
    """Random openings by seed: `plies` moves each, after which nobody has won and no move wins at once."""

    seed: str
    plies: int

    def opening(self, number: int) -> Position:
        """Return one opening."""
        chance = Random(f"opening {self.seed} {number}")
        while True:
            mine, theirs = 0, 0
            for _ in range(self.plies):
                stone = landing(mine | theirs, chance.choice(playable(mine | theirs)))
                mine, theirs = theirs, mine | stone
            if is_quiet(mine, theirs):
                return mine, theirs


def is_quiet(mine: int, theirs: int) -> bool:
    """Tell whether no game is won yet, nor by the next stone of either side."""
    occupied = mine | theirs
    stones = [0, *(landing(occupied, column) for column in playable(occupied))]
    return not any(has_four(side | stone) for side in (mine, theirs) for stone in stones)


@dataclass
class Match:
    """All the games of an evaluation, side by side: every opening twice against an opponent, with both colours."""

    opponents: Sequence[Rung]
    book: Book
    nodes: int
    games: list[Game] = field(init=False)

    def __post_init__(self) -> None:
        self.games = [
            Game(opponent, self.book.opening(number), begins, Random(f"{self.book.seed} {number} {begins}"))
            for opponent in self.opponents
            for number in range(opponent.openings)
            for begins in (True, False)
        ]

    def play(self, candidate: Players) -> list[Score]:
        """Play every game to its end and return the candidate's score against each opponent; raises RuleBroken."""
        while self.running():
            self.reply()
            waiting = self.running()
            if waiting:
                columns = candidate([game.position for game in waiting])
                for game, column in zip(waiting, columns, strict=True):
                    game.play(column)
        return [self.score(opponent) for opponent in self.opponents]

    def running(self) -> list[Game]:
        """Return the games that are not over."""
        return [game for game in self.games if game.points is None]

    def reply(self) -> None:
        """Let the opponents move where it is their turn."""
        for game in self.running():
            if not game.candidate_moves:
                game.play(game.opponent.move(*game.position, self.nodes, game.chance))

    def score(self, opponent: Rung) -> Score:
        """Return what the candidate scored against one opponent."""
        points = [game.points or 0.0 for game in self.games if game.opponent is opponent]
        return Score(opponent.elo, sum(points), len(points))


def checked(columns: object, count: int) -> list[int]:
    """Return the answer when it is one column for each position; raises RuleBroken."""
    if type(columns) is not list or len(columns) != count:
        raise RuleBroken(f"moves has to answer a list of {count} columns, one for each position.")
    for column in columns:
        if type(column) is not int or not 0 <= column < COLUMNS:
            raise RuleBroken(f"{column!r:.40} is no column; columns go from 0 to {COLUMNS - 1}.")
    return columns
