"""Peer over programs: random search with the operators of the strategy `evolution`, over whose files it is laid.

Each proposal takes the start through as many random operators as a coin decides, at least one: the same changes with
their first weights, and nothing that is learned from any score.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.conversation import serve
from member import Member
from operators import operators
from variation import vary
from work import work

ONE_MORE = 0.7
TRIES = 300
MAX_WORK = 600


@dataclass(frozen=True)
class Settings:
    """There is nothing to set."""


class Peer:
    """Random changes of a target's program."""

    def __init__(self, task: Mapping[str, Any], seed: int, settings: Settings) -> None:
        self.chance = random.Random(seed)
        self.higher = task["metric"]["better"] == "higher"
        self.start = Member.of(task["files"], task["score"], work(task["files"]), {})
        self.operators = list(operators(with_idioms=True).values())
        self.weights = [operator.weight for operator in self.operators]

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return one changed program."""
        child = self.changed(self.start)
        while self.chance.random() < ONE_MORE:
            child = self.changed(child)
        return [{"files": child.files, "parents": [], "operator": "random", "note": ""}]

    def changed(self, parent: Member) -> Member:
        """Return a program after one more operator that finds a place in it, itself after many vain tries."""
        for _ in range(TRIES):
            operator = self.chance.choices(self.operators, self.weights)[0]
            child = vary(self.chance, operator, None, parent, self.start, 0, self.start.files, self.higher)
            if child is not None and child.work <= MAX_WORK * self.start.work:
                return Member.of(child.files, None, child.work, {})
        return parent

    def tell(self, results: object, decisions: object, champion: object) -> None:
        """Learn nothing."""


if __name__ == "__main__":
    serve(Peer, Settings)
