"""The numbers of a promising program, refined by CMA-ES while its form stays as it is."""

from __future__ import annotations

import math
import random
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from kit.cloud import Cloud
from kit.edits import Edit, edited
from kit.selection import tournament
from literals import literals, written
from member import Member
from source import sources

MOST = 24
"""Programs with more numbers than this are not refined: a cloud over them would learn too slowly."""

FIRST_WIDTH, LAST_WIDTH = 0.7, 0.01
"""How far the first points lie from the parent, and how near to each other those lie with which a refinement ends."""

VAIN_MOVES = 4
"""A refinement ends when its cloud has moved this often without a better program."""

NEW = 0.5
"""How often a form is refined that has just been found, even a poor one: with other numbers it may be far better."""

REMEMBERED = 24
"""How many new forms wait to be refined, and how many earlier refinements a running one is compared with."""

BEND = 0.1
"""Numbers much larger than this are moved by their share, smaller ones by the same steps on both sides of 0."""

VAIN_POINTS = 24
"""A refinement ends when so many of its points in a row were no new programs: whole numbers can stand still."""

NOTHING = -1e300


@dataclass(frozen=True)
class Place:
    """Where a number stands: the file, its characters, and the number itself."""

    path: str
    start: int
    end: int
    value: int | float


def places(files: Mapping[str, str]) -> list[Place]:
    """Return the numbers that may be refined, by file: not the integers 0, 1 and 2, mostly a part of the form."""
    return [
        Place(source.path, *source.span(literal.node), literal.value)
        for source in sources(files)
        for literal in literals(source)
        if type(literal.value) is float or literal.value > 2
    ]


def bent(value: float) -> float:
    """Return the coordinate in which a cloud moves a number."""
    return math.asinh(value / BEND)


def straightened(coordinate: float, like: float) -> int | float:
    """Return the number at a coordinate, of the kind of another one: a positive integer or a number with a point."""
    value = BEND * math.sinh(min(max(coordinate, -40.0), 40.0))
    return max(1, round(value)) if type(like) is int else value


class Refinement:
    """A cloud over the numbers of one program; ends when it brings nothing better for a while."""

    def __init__(self, parent: Member, cloud: Cloud) -> None:
        self.parent = replace(parent)  # of its own, as after a restart
        self.form = parent.form
        self.best = parent.merit()
        self.cloud = cloud
        self.improved = False
        self.vain = 0
        self.moves = 0
        self.repeated = 0
        self.places = places(parent.files)

    @classmethod
    def of(cls, parent: Member, seed: int) -> Refinement | None:
        """Return a refinement that begins at a program's own numbers, None where it has none or too many."""
        middle = [bent(place.value) for place in places(parent.files)]
        return cls(parent, Cloud(middle, seed, width=FIRST_WIDTH)) if 0 < len(middle) <= MOST else None

    @property
    def is_over(self) -> bool:
        """Whether it is time to refine something else."""
        return self.vain >= VAIN_MOVES or self.repeated >= VAIN_POINTS or self.cloud.width < LAST_WIDTH

    def next(self) -> tuple[dict[str, str], list[float]]:
        """Return the program with other numbers, and the point in the cloud that they are."""
        point = self.cloud.points(1)[0].tolist()
        return self.written(point), point

    def written(self, point: Sequence[float]) -> dict[str, str]:
        """Return the program with the numbers of a point."""
        files = self.parent.files
        edits: dict[str, list[Edit]] = {path: [] for path in files}
        for place, coordinate in zip(self.places, point, strict=True):
            text = written(straightened(coordinate, place.value))
            edits[place.path].append(Edit(place.start, place.end, text))
        return {path: edited(text, edits[path]) for path, text in files.items()}

    def learn(self, point: Sequence[float], merit: float | None) -> bool:
        """Take in what a point was worth, None for a failure; return whether the cloud moved."""
        worth = NOTHING if merit is None else merit
        self.repeated = 0
        self.improved = self.improved or worth > self.best
        self.best = max(self.best, worth)
        if self.cloud.learn([(point, worth)]):
            self.vain = 0 if self.improved else self.vain + 1
            self.improved = False
            self.moves += 1
            return True
        return False

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "parent": asdict(self.parent),
            "best": self.best,
            "cloud": self.cloud.state(),
            "improved": self.improved,
            "vain": self.vain,
            "moves": self.moves,
            "repeated": self.repeated,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Refinement:
        """Return the refinement that a state was taken of."""
        made = cls(Member(**state["parent"]), Cloud.from_state(state["cloud"]))
        made.best, made.improved = state["best"], state["improved"]
        made.vain, made.moves, made.repeated = state["vain"], state["moves"], state["repeated"]
        return made


class Refinements:
    """One refinement for each island, what waits to be refined, and what was refined as far as it went.

    A refinement goes on only while it has found more than half of the earlier ones had after as many moves: the median
    rule of Golovin et al., "Google Vizier: A Service for Black-Box Optimization" (2017).
    """

    def __init__(self) -> None:
        self.running: dict[int, Refinement] = {}
        self.settled: dict[str, float] = {}
        self.new: list[Member] = []
        self.earlier: list[list[float]] = []

    def note(self, member: Member) -> None:
        """Let a program wait for a refinement when its form is new."""
        forms = {*self.settled, *(one.form for one in self.new), *(one.form for one in self.running.values())}
        if member.form not in forms:
            self.new = [*self.new, replace(member)][-REMEMBERED:]

    def on(self, island: int, members: Sequence[Member], chance: random.Random) -> Refinement | None:
        """Return the refinement of an island: the one that runs, or a new one, None where nothing can be refined."""
        if island not in self.running:
            parent = self.parent(members, chance)
            made = parent and Refinement.of(parent, chance.getrandbits(32))
            if made is None:
                return None
            self.running[island] = made
        return self.running[island]

    def parent(self, members: Sequence[Member], chance: random.Random) -> Member | None:
        """Return a program to refine: of a new form, or one of an island that is better than its form when refined."""
        if self.new and chance.random() < NEW:
            self.new.sort(key=Member.merit, reverse=True)
            return self.new.pop(tournament(len(self.new), chance))
        fresh = [one for one in members if one.merit() > self.settled.get(one.form, float("-inf"))]
        return fresh[tournament(len(fresh), chance)] if fresh else None

    def learn(self, island: int, form: str, point: Sequence[float], merit: float | None) -> None:
        """Take in what a point of an island's refinement was worth; a refinement that is over by now is not told."""
        running = self.running.get(island)
        if running is None or running.form != form or not running.learn(point, merit):
            return
        if running.is_over or self.is_hopeless(running):
            self.settle(island)

    def note_repeated(self, island: int) -> None:
        """Count a point of an island's refinement that was no new program."""
        running = self.running[island]
        running.repeated += 1
        if running.is_over:
            self.settle(island)

    def settle(self, island: int) -> None:
        """End an island's refinement, and keep what it found."""
        running = self.running.pop(island)
        self.settled[running.form] = running.best

    def is_hopeless(self, running: Refinement) -> bool:
        """Whether half of the earlier refinements had found more after as many moves; note what this one has."""
        while len(self.earlier) < running.moves:
            self.earlier.append([])
        known = self.earlier[running.moves - 1]
        hopeless = len(known) > 2 and running.best < median(known)
        self.earlier[running.moves - 1] = [*known, running.best][-REMEMBERED:]
        return hopeless

    def forget(self, forms: Container[str]) -> None:
        """Forget what was settled of forms that are in no archive any more."""
        self.settled = {form: best for form, best in self.settled.items() if form in forms}

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "running": {str(at): one.state() for at, one in self.running.items()},
            "settled": self.settled,
            "new": [asdict(member) for member in self.new],
            "earlier": self.earlier,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.running = {int(island): Refinement.from_state(one) for island, one in state["running"].items()}
        self.settled = dict(state["settled"])
        self.new = [Member(**values) for values in state["new"]]
        self.earlier = [list(known) for known in state["earlier"]]
