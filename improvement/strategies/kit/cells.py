"""MAP-Elites: the best program of every kind, where features say what kind a program is.

Mouret and Clune, "Illuminating search spaces by mapping elites" (2015); the choice of parents by curiosity is from
Cully and Mouret, "Evolving a behavioral repertoire for a walking robot" (Evolutionary Computation, 2016).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Thing = TypeVar("Thing")
Cell = tuple[int, ...]

ENTERED, REFUSED = 1.0, -0.5
"""What a cell's curiosity gains when a child of its elite enters the archive, and when it does not."""
LEAST, MOST = 0.25, 8.0
"""Curiosity stays within these, so that every cell is visited now and then."""


@dataclass(frozen=True)
class Feature:
    """One axis: the range from `low` to `high` cut into so many equal cells; what lies beyond belongs to the ends."""

    name: str
    low: float
    high: float
    cells: int

    def cell(self, value: float) -> int:
        """Return the number of the cell that a finite value lies in, from 0."""
        place = (value - self.low) / (self.high - self.low) * self.cells
        return min(max(math.floor(place), 0), self.cells - 1)


def read_features(task: Mapping[str, Any]) -> list[Feature]:
    """Return the features that a task declares."""
    return [Feature(**one) for one in task.get("features", [])]


def features_of(files: Mapping[str, str], metrics: Mapping[str, float]) -> dict[str, float]:
    """Return every value that a feature may name: the metrics, and `program_length`, the characters of all files."""
    return {**metrics, "program_length": float(sum(map(len, files.values())))}


class Cells(Generic[Thing]):
    """One elite for each cell; `merit` says what a thing is worth, and more is better."""

    def __init__(self, features: Sequence[Feature], merit: Callable[[Thing], float]) -> None:
        self.features = list(features)
        self.merit = merit
        self.elites: dict[Cell, Thing] = {}
        self.curiosity: dict[Cell, float] = {}

    def cell_of(self, values: Mapping[str, float]) -> Cell | None:
        """Return the cell that these values lie in, None when a feature's value is missing or no finite number."""
        found = [values.get(feature.name) for feature in self.features]
        if any(value is None or not math.isfinite(value) for value in found):
            return None
        return tuple(feature.cell(value) for feature, value in zip(self.features, found, strict=True))

    def add(self, cell: Cell, thing: Thing) -> bool:
        """Take in a thing when its cell is empty or holds less; return whether it was taken in."""
        held = self.elites.get(cell)
        if held is not None and self.merit(held) >= self.merit(thing):
            return False
        self.elites[cell] = thing
        self.curiosity.setdefault(cell, 1.0)
        return True

    def choose(self, chance: random.Random) -> Cell:
        """Return a cell, by curiosity; raises LookupError while all are empty."""
        cells = self.filled()
        return chance.choices(cells, [self.curiosity[cell] for cell in cells])[0]

    def uniform(self, chance: random.Random) -> Cell:
        """Return a cell, each with the same chance; raises LookupError while all are empty."""
        return chance.choice(self.filled())

    def filled(self) -> list[Cell]:
        """Return the cells that hold an elite, in order; raises LookupError when there is none."""
        if not self.elites:
            raise LookupError("every cell is empty")
        return sorted(self.elites)

    def note_child(self, cell: Cell, entered: bool) -> None:
        """Learn whether a child of a cell's elite entered the archive."""
        if cell in self.curiosity:
            moved = self.curiosity[cell] + (ENTERED if entered else REFUSED)
            self.curiosity[cell] = min(max(moved, LEAST), MOST)

    def best(self) -> Thing:
        """Return the best of all elites; raises LookupError while all cells are empty."""
        return max((self.elites[cell] for cell in self.filled()), key=self.merit)

    def keep(self, wanted: Callable[[Thing], bool]) -> None:
        """Let go of the elites that are not wanted."""
        self.elites = {cell: thing for cell, thing in self.elites.items() if wanted(thing)}
        self.curiosity = {cell: value for cell, value in self.curiosity.items() if cell in self.elites}

    def state(self, plain: Callable[[Thing], Any]) -> list[list[Any]]:
        """Return everything as plain values, each thing as `plain` gives it."""
        return [[list(cell), self.curiosity[cell], plain(self.elites[cell])] for cell in sorted(self.elites)]

    def restore(self, state: Sequence[Sequence[Any]], read: Callable[[Any], Thing]) -> None:
        """Go on from a state, each thing as `read` makes it of its plain value."""
        self.elites = {tuple(cell): read(value) for cell, _, value in state}
        self.curiosity = {tuple(cell): curiosity for cell, curiosity, _ in state}
