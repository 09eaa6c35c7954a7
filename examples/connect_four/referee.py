"""What evaluator and holdout share: a candidate is asked for its settings and its moves, and neither is believed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from board import playable
from elo import rate
from ladder import Rung
from match import Book, Match, Position, RuleBroken, checked
from search import ORDERS, Settings, choose

NODES = 40
"""The nodes that either side may use for a move."""

AUDITED = 8
"""One move in so many is searched again here."""

NUMBERS = {"three": 10.0, "two": 10.0, "middle": 10.0, "beside": 10.0, "parity": 10.0}
"""The weights, and how large each may be."""

DEEPEST = 12


class Audit:
    """Asks for moves, and searches some of the positions again with the settings that the candidate plays by.

    A player that uses more nodes than it has, or other settings than it says, plays other moves than these: a share of
    `1 / AUDITED` of all moves is compared, and the candidate cannot know which. One that differs ends the evaluation.
    """

    def __init__(self, candidate: Any, settings: Settings, seed: str) -> None:
        self.candidate = candidate
        self.settings = settings
        self.chance = Random(f"audit {seed}")
        self.nodes: list[int] = []

    def moves(self, positions: list[Position]) -> list[int]:
        """Return the candidate's columns; raises RuleBroken when its settings and its nodes would not lead to one."""
        columns = checked(self.candidate.call("moves", positions, NODES), len(positions))
        for position, column in zip(positions, columns, strict=True):
            if self.chance.randrange(AUDITED) == 0:
                self.check(position, column)
        return columns

    def check(self, position: Position, column: int) -> None:
        """Search one position again; a move that is none is left to the game, which refuses it."""
        found = choose(*position, self.settings, NODES)
        self.nodes.append(found.nodes)
        if column in playable(position[0] | position[1]) and column != found.column:
            raise RuleBroken(
                f"It played column {column} where its own settings and {NODES} nodes lead to column {found.column}."
            )


def judge(candidate: Any, opponents: Sequence[Rung], book: Book) -> dict[str, Any]:
    """Return the candidate's rating over a match; raises RuleBroken when it breaks a rule."""
    audit = Audit(candidate, read_settings(candidate.call("settings")), book.seed)
    match = Match(opponents, book, NODES)
    scores = match.play(audit.moves)
    rating = rate(scores)
    paired = zip(opponents, scores, strict=True)
    lines = ", ".join(f"{one.points:g} of {one.games} against {rung.name}" for rung, one in paired)
    return {
        "metrics": {"elo": rating.elo, "error": rating.error, "nodes": sum(audit.nodes) / max(1, len(audit.nodes))},
        "feedback": f"Elo {rating.elo:.0f} ± {rating.error:.0f}: {lines}.",
    }


def read_settings(answer: object) -> Settings:
    """Return settings that lie in their ranges; raises RuleBroken."""
    if not isinstance(answer, dict) or answer.keys() != {*NUMBERS, "depth", "order"}:
        raise RuleBroken(f"settings has to answer a dict with {', '.join(NUMBERS)}, depth and order.")
    for name, most in NUMBERS.items():
        if type(answer[name]) not in (int, float) or not -most <= answer[name] <= most:
            raise RuleBroken(f"{name} is {answer[name]!r:.40}; it has to be a number from {-most:g} to {most:g}.")
    if type(answer["depth"]) is not int or not 1 <= answer["depth"] <= DEEPEST:
        raise RuleBroken(f"depth is {answer['depth']!r:.40}; it has to be a whole number from 1 to {DEEPEST}.")
    if type(answer["order"]) is not str or answer["order"] not in ORDERS:
        raise RuleBroken(f"order is {answer['order']!r:.40}; it has to be one of {', '.join(ORDERS)}.")
    return Settings(**answer)
