"""Populations that evolve apart from each other: selection, migration, and what begins anew when nothing moves.

Whitley, Rana and Heckendorn, "The island model genetic algorithm" (1999). An island keeps the best of every form, so
that many versions of one idea cannot crowd out the others.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kit.front import dominates, order
from kit.selection import tournament

Thing = TypeVar("Thing")

DOUBT_RANKS = 4
"""How many places a thing falls behind for each doubt in it."""


@dataclass(frozen=True)
class Rules(Generic[Thing]):
    """What islands have to know of the things they keep.

    `worth` gives a number for each goal, more is better, the first one leads. Of things of the same `form` none stays
    that another beats. Of two of equal worth the older stays unless the newer one `succeeds` it. `doubts` count against
    being a parent.
    """

    worth: Callable[[Thing], tuple[float, ...]]
    form: Callable[[Thing], Hashable]
    succeeds: Callable[[Thing, Thing], bool]
    doubts: Callable[[Thing], int]


@dataclass
class Island(Generic[Thing]):
    """A small population, best first, and for how many generations it has not got better."""

    members: list[Thing]
    stale: int = 0


class Islands(Generic[Thing]):
    """All islands together; each keeps up to `size` things, and all begin with `start`."""

    def __init__(self, rules: Rules[Thing], start: Thing, count: int, size: int) -> None:
        self.rules = rules
        self.size = size
        self.all: list[Island[Thing]] = [Island([start]) for _ in range(count)]

    def best(self) -> Thing:
        """Return the best by the first goal."""
        return max((self.leader(island) for island in self.all), key=self.first)

    def leader(self, island: Island[Thing]) -> Thing:
        """Return an island's best by the first goal, the earlier one of equals."""
        return max(island.members, key=self.first)

    def first(self, thing: Thing) -> float:
        """Return what a thing is worth by the first goal."""
        return self.rules.worth(thing)[0]

    def members(self) -> list[Thing]:
        """Return every thing once, island by island."""
        return list({id(thing): thing for island in self.all for thing in island.members}.values())

    def add(self, place: int, thing: Thing) -> bool:
        """Take a thing in on an island where it is good and new enough; return whether it leads there now."""
        island, before = self.all[place], self.first(self.leader(self.all[place]))
        rivals = [other for other in island.members if self.are_rivals(thing, other)]
        if any(not self.beats(thing, other) for other in rivals):
            return False
        island.members = self.sorted([other for other in island.members if other not in rivals] + [thing])
        del island.members[self.size :]
        leads = self.first(thing) > before
        island.stale = 0 if leads else island.stale
        return leads

    def are_rivals(self, one: Thing, other: Thing) -> bool:
        """Whether only one of two may stay: they are worth the same, or have one form and one beats the other."""
        first, second = self.rules.worth(one), self.rules.worth(other)
        comparable = first == second or dominates(first, second) or dominates(second, first)
        return first == second or (comparable and self.rules.form(one) == self.rules.form(other))

    def beats(self, new: Thing, old: Thing) -> bool:
        """Whether a new thing takes the place of its rival."""
        if self.rules.worth(new) == self.rules.worth(old):
            return self.rules.succeeds(new, old)
        return dominates(self.rules.worth(new), self.rules.worth(old))

    def sorted(self, things: Sequence[Thing]) -> list[Thing]:
        """Return things from the best on: by their Pareto rank where there are several goals, else by the one."""
        worth = [self.rules.worth(thing) for thing in things]
        if len(worth[0]) > 1:
            return [things[place] for place in order(worth)]
        return sorted(things, key=self.first, reverse=True)

    def choose(self, place: int, chance: random.Random, elitism: float) -> Thing:
        """Return a parent from an island: its best, or the winner of a tournament, by rank and doubts."""
        members = self.all[place].members
        ranked = sorted(range(len(members)), key=lambda rank: rank + DOUBT_RANKS * self.rules.doubts(members[rank]))
        return members[ranked[0 if chance.random() < elitism else tournament(len(ranked), chance)]]

    def migrate(self) -> None:
        """Copy each island's best to the next island."""
        travellers = [self.leader(island) for island in self.all]
        for place, traveller in enumerate(travellers):
            self.add((place + 1) % len(self.all), traveller)

    def age(self, patience: int, start: Thing, chance: random.Random) -> list[int]:
        """Count a generation; islands that stood still too long begin anew; return the places of those.

        They begin with the start and a thing from elsewhere. The island with the best of all is left as it is.
        """
        best, anew = self.best(), []
        for place, island in enumerate(self.all):
            island.stale += 1
            if island.stale < patience:
                continue
            island.stale = 0
            anew.append(place)
            if not any(thing is best for thing in island.members):
                others = [thing for other in self.all if other is not island for thing in other.members]
                island.members = self.sorted([start, chance.choice(others)])
        return anew

    def keep(self, wanted: Callable[[Thing], bool], start: Thing) -> None:
        """Let go of the things that are not wanted; an island that loses all of them begins with `start`."""
        for island in self.all:
            island.members = [thing for thing in island.members if wanted(thing)] or [start]

    def state(self, plain: Callable[[Thing], Any]) -> dict[str, Any]:
        """Return everything as plain values, each thing once, as `plain` gives it."""
        unique = self.members()
        places = {id(thing): place for place, thing in enumerate(unique)}
        islands = [
            {"members": [places[id(one)] for one in island.members], "stale": island.stale} for island in self.all
        ]
        return {"members": [plain(thing) for thing in unique], "islands": islands}

    def restore(self, state: dict[str, Any], read: Callable[[Any], Thing]) -> None:
        """Go on from a state, each thing as `read` makes it of its plain value."""
        things = [read(values) for values in state["members"]]
        self.all = [Island([things[i] for i in one["members"]], one["stale"]) for one in state["islands"]]
