"""The best program of every kind, where the target declares features: MAP-Elites beside the islands."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from kit.cells import Cells, Feature, features_of
from member import Member


class Kinds:
    """A cell for each kind of program; half of all parents come from them, by curiosity."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.cells: Cells[Member] = Cells(features, Member.merit)

    @property
    def is_open(self) -> bool:
        """Whether there is a parent to be had: features are declared, and a program lies in one of the cells."""
        return bool(self.cells.features and self.cells.elites)

    def add(self, member: Member) -> bool:
        """Take in a measured program where it is the best of its kind; return whether it is."""
        if not self.cells.features or member.score is None:
            return False
        cell = self.cells.cell_of(features_of(member.files, member.metrics))
        return cell is not None and self.cells.add(cell, replace(member))

    def parent(self, chance: random.Random) -> Member:
        """Return the elite of a cell whose children were new kinds, or better ones, more often than those of others."""
        return self.cells.elites[self.cells.choose(chance)]

    def donor(self, chance: random.Random) -> Member:
        """Return the elite of any cell."""
        return self.cells.elites[self.cells.uniform(chance)]

    def note_child(self, parents: Sequence[int], entered: bool) -> None:
        """Learn whether a child of these proposals was taken in."""
        for cell, member in list(self.cells.elites.items()):
            if member.number in parents:
                self.cells.note_child(cell, entered)

    def let_go(self, number: int) -> None:
        """Forget a program that people rejected."""
        self.keep(lambda member: member.number != number)

    def keep(self, wanted: Callable[[Member], bool]) -> None:
        """Let go of the programs that are not wanted."""
        self.cells.keep(wanted)

    def state(self, plain: Callable[[Member], Any]) -> list[list[Any]]:
        """Return everything as plain values."""
        return self.cells.state(plain)

    def restore(self, state: Sequence[Sequence[Any]], read: Callable[[Any], Member]) -> None:
        """Go on from a state."""
        self.cells.restore(state, read)
