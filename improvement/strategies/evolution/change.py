"""What an operator is given and what it gives back."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from kit.edits import Edit
from source import Source

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Draw:
    """One use of an operator: the file to change, another parent's version of it, and where chance comes from.

    `higher` says whether the target's metric is better when it is higher.
    """

    chance: random.Random
    source: Source
    donor: Source
    higher: bool = True
    scales: Mapping[str, float] = field(default_factory=dict)
    last_step: Mapping[str, float] = field(default_factory=dict)

    def pick(self, things: list[Thing]) -> Thing:
        """Return one of the things; raises NothingToDo when there is none."""
        if not things:
            raise NothingToDo
        return things[self.chance.randrange(len(things))]


@dataclass(frozen=True)
class Change:
    """Edits of one file with one line about them; step sizes and factors of the literals that were moved, by key."""

    edits: list[Edit]
    note: str
    scales: dict[str, float] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)


class NothingToDo(Exception):
    """The operator finds no place in this program where it applies."""


def short(text: str, length: int = 48) -> str:
    """Return a piece of code on one line, cut to `length` characters, for a note."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
