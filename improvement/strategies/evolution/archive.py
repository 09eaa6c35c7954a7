"""The evaluated programs that parents come from: islands that exchange their best now and then."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from source import digest

DOUBT_RANKS = 4
"""How many places a member falls behind for each rejection in its line."""
CHEAPER = 0.8
"""A program of equal score takes another's place only when its work is at most this share of the other's.

Otherwise the older one stays: what makes no difference to the score is often what makes a program general.
"""


@dataclass
class Member:
    """A program with its signed score (higher is better, None unknown), estimated work and what it descends from."""

    number: int | None
    files: dict[str, str]
    score: float | None
    work: float
    digest: str
    parents: list[int] = field(default_factory=list)
    scales: dict[str, float] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    doubts: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def merit(self) -> float:
        """Return the sort key: the score without the last digits, which rounding makes; unknown is lowest."""
        return float("-inf") if self.score is None else float(f"{self.score:.12g}")

    @classmethod
    def of(cls, files: dict[str, str], score: float | None, work: float, metrics: Mapping[str, float]) -> Member:
        """Return a member that is no proposal: the start or a champion."""
        return cls(None, dict(files), score, work, digest(files), metrics=dict(metrics))


@dataclass
class Island:
    """A small population, best first, and for how many generations it has not got better."""

    members: list[Member]
    stale: int = 0

    def add(self, member: Member, size: int) -> bool:
        """Take in a member where it is good and new enough; return whether it is the island's best now."""
        twin = next((other for other in self.members if other.merit() == member.merit()), None)
        if twin is not None:
            if member.work > CHEAPER * twin.work:
                return False
            self.members.remove(twin)
        self.members.append(member)
        self.members.sort(key=Member.merit, reverse=True)
        del self.members[size:]
        best = self.members[0] is member and twin is None
        self.stale = 0 if best else self.stale
        return best

    def choose(self, chance: random.Random, elitism: float) -> Member:
        """Return a parent: the best, or the winner of a tournament of three, by rank and doubts."""
        ranked = sorted(range(len(self.members)), key=lambda i: i + DOUBT_RANKS * self.members[i].doubts)
        if chance.random() < elitism:
            return self.members[ranked[0]]
        return self.members[ranked[min(chance.randrange(len(ranked)) for _ in range(3))]]


class Archive:
    """All islands together."""

    def __init__(self, islands: list[Island], size: int) -> None:
        self.islands = islands
        self.size = size

    @classmethod
    def around(cls, start: Member, count: int, size: int) -> Archive:
        """Return an archive with the start program on every island."""
        return cls([Island([start]) for _ in range(count)], size)

    def best(self) -> Member:
        """Return the best member of all."""
        return max((island.members[0] for island in self.islands), key=Member.merit)

    def members(self) -> list[Member]:
        """Return every member, island by island."""
        return [member for island in self.islands for member in island.members]

    def migrate(self) -> None:
        """Copy each island's best to the next island."""
        travellers = [island.members[0] for island in self.islands]
        for place, traveller in enumerate(travellers):
            self.islands[(place + 1) % len(self.islands)].add(traveller, self.size)

    def age(self, patience: int, start: Member, chance: random.Random) -> None:
        """Count a generation; begin anew on islands that stood still too long, widen the steps on the best one."""
        best = self.best()
        for island in self.islands:
            island.stale += 1
            if island.stale < patience:
                continue
            island.stale = 0
            if island.members[0] is best:
                for member in island.members:
                    member.scales = {}
            else:
                others = [member for member in self.members() if member not in island.members] or [best]
                island.members = [start, others[chance.randrange(len(others))]]
                island.members.sort(key=Member.merit, reverse=True)

    def doubt(self, number: int, verdict: str) -> None:
        """Note a decision about a proposal on it and, more mildly, on what descends from it."""
        for member in {id(member): member for member in self.members()}.values():
            if member.number == number:
                member.doubts = 0 if verdict == "released" else member.doubts + 2
            elif number in member.parents and verdict != "released":
                member.doubts += 1

    def keep(self, members: list[Member], start: Member) -> None:
        """Keep only these members; an island that loses all of them begins with `start`."""
        kept = {id(member) for member in members}
        for island in self.islands:
            island.members = [member for member in island.members if id(member) in kept] or [start]

    def state(self) -> dict[str, Any]:
        """Return everything as plain values; members on several islands are written once."""
        unique = list({id(member): member for member in self.members()}.values())
        places = {id(member): place for place, member in enumerate(unique)}
        islands = [
            {"members": [places[id(m)] for m in island.members], "stale": island.stale} for island in self.islands
        ]
        return {"members": [asdict(member) for member in unique], "islands": islands, "size": self.size}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Archive:
        """Return the archive that `state` was taken from."""
        members = [Member(**values) for values in state["members"]]
        islands = [Island([members[i] for i in island["members"]], island["stale"]) for island in state["islands"]]
        return cls(islands, state["size"])
