"""The best rules so far, from which challengers are made."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Member:
    """A rule that was measured: the number of its proposal (-1: the champion), its settings, and its worth.

    The greater `worth` is the better one, whatever the metric's direction.
    """

    number: int
    values: Mapping[str, Any]
    worth: float


class League:
    """At most `size` members, best first; between equals the older one stays ahead."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.members: list[Member] = []

    def enter(self, member: Member) -> None:
        """Take a member in, in place of an earlier one with the same settings; the last one may fall out."""
        others = [other for other in self.members if other.values != member.values]
        self.members = sorted([*others, member], key=lambda one: (-one.worth, one.number))[: self.size]

    def leave(self, number: int) -> None:
        """Take the member of a proposal out."""
        self.members = [member for member in self.members if member.number != number]

    def lower(self, number: int, worth: float) -> None:
        """Let the member of a proposal count as no better than this."""
        for member in [one for one in self.members if one.number == number and one.worth > worth]:
            self.leave(number)
            self.enter(Member(number, member.values, worth))

    def drawn(self, chance: random.Random) -> Member:
        """Return a member, the better the more often: the best of two that are drawn."""
        return self.members[min(chance.randrange(len(self.members)) for _ in range(2))]

    def state(self) -> list[dict[str, Any]]:
        """Return the members as plain values."""
        return [asdict(member) for member in self.members]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Take over the members of a state."""
        self.members = [Member(**entry) for entry in state]
