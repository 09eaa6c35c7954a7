"""From parents to a child: one operator, sometimes two, then whatever makes the text whole again."""

from __future__ import annotations

import random
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from change import Change, Draw, NothingToDo, short
from kit.edits import edited
from member import Member, changed_letters
from operators import REFINE, SIMPLIFY, Operator
from refining import Refinement
from repair import completed
from simplification import folded, simplified
from source import digest, read, sources
from work import work

LONGEST_NOTE = 300


@dataclass
class Child:
    """A proposed program, where it came from, and what is needed to learn from its score.

    A child of a refinement has the form that is refined and its point in the cloud.
    """

    files: dict[str, str]
    digest: str
    work: float
    island: int
    operator: str
    note: str
    parents: list[int]
    ancestors: list[int]
    parent_score: float | None
    doubts: int
    scales: dict[str, float] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    form: str = ""
    point: list[float] = field(default_factory=list)

    def proposal(self) -> dict[str, Any]:
        """Return what the host is told."""
        note = short(self.note, LONGEST_NOTE)
        return {"files": self.files, "parents": self.parents, "operator": self.operator, "note": note}

    def member(self, number: int, score: float, metrics: dict[str, float], others: list[float]) -> Member:
        """Return the archive member that this child becomes; steps that helped are kept, to go on with."""
        helped = self.parent_score is not None and score > self.parent_score
        steps = self.steps if helped else {}
        return Member(
            number, self.files, score, self.work, self.digest, self.ancestors, self.scales, steps, self.doubts, metrics,
            others,
        )  # fmt: skip


REMOVING = ("delete", "shorten_expression", "rename_use", "replace_from_other")
"""Operators that are never a second change: what they take away would slip through with what the first one gains."""

LONGEST_LINE = 120
"""No change makes a line longer than this, or than the longest there was: people have to read it."""

ANCESTORS = 12
"""How many ancestors a member remembers: a rejection weighs on what descends from it that closely."""


def vary(
    chance: random.Random,
    operator: Operator,
    more: Operator | None,
    parent: Member,
    donor: Member,
    island: int,
    base: Mapping[str, str],
    higher: bool = True,
) -> Child | None:
    """Return the child of a parent, None when the operator finds no place or the result is no valid program.

    Calculations with numbers alone are made beforehand where the child differs from the files `base`.
    """
    try:
        files, change, crossed = varied(chance, operator, parent.files, parent, donor, higher)
    except (NothingToDo, SyntaxError, ValueError, RecursionError):
        return None
    if more is not None and more.name not in REMOVING:
        try:
            files, second, again = varied(chance, more, files, parent, donor, higher)
            change = joined(change, second)
            crossed = crossed or again
        except (NothingToDo, SyntaxError, ValueError, RecursionError):
            pass
    shorter = {one.path: folded(one.path, one.text, base.get(one.path, "")) for one in sources(files)}
    files = {**files, **shorter}
    return born(parent, files, change, operator.name, island, donor if crossed else None)


def refined(refinement: Refinement, island: int, to_beat: float | None) -> Child | None:
    """Return a child of a refinement: its program with other numbers, None when they are its own.

    What counts as a gain is only a score above `to_beat`: that a poor program became less poor is none.
    """
    files, point = refinement.next()
    change = Change([], f"tune {len(point)} number(s) together")
    child = born(refinement.parent, files, change, REFINE, island, None)
    if child is None:
        return None
    return replace(child, form=refinement.form, point=point, parent_score=to_beat)


def shortened(parent: Member, base: Mapping[str, str], island: int, known: Container[str]) -> Child | None:
    """Return the child with least to read that was not proposed before and only takes changes of `base` back."""
    for source in sources(parent.files):
        before = base.get(source.path, "")
        for text in simplified(source.path, source.text, before):
            letters = changed_letters(before, source.text) - changed_letters(before, text)
            change = Change([], f"take back {letters} letters of the change")
            child = born(parent, {**parent.files, source.path: text}, change, SIMPLIFY, island, None)
            if child is not None and child.digest not in known and child.work <= parent.work:
                return child
    return None


def born(
    parent: Member, files: dict[str, str], change: Change, operator: str, island: int, donor: Member | None
) -> Child | None:
    """Return the child with these files, None when they are the parent's."""
    mark = digest(files)
    if mark == parent.digest:
        return None
    numbers = [member.number for member in (parent, donor) if member is not None and member.number is not None]
    parents = list(dict.fromkeys(numbers))
    ancestors = list(dict.fromkeys([*parents, *parent.parents]))[:ANCESTORS]
    scales = {**parent.scales, **change.scales}
    return Child(
        files, mark, work(files), island, operator, change.note, parents, ancestors, parent.score, parent.doubts,
        scales, change.steps,
    )  # fmt: skip


def varied(
    chance: random.Random, operator: Operator, files: dict[str, str], parent: Member, donor: Member, higher: bool
) -> tuple[dict[str, str], Change, bool]:
    """Return the files after one operator, its change, and whether another parent took part."""
    options = [source for source in sources(files) if source.nodes()]
    if not options:
        raise NothingToDo
    source = chance.choice(options)
    other = read(source.path, donor.files.get(source.path, source.text))
    change = operator.change(Draw(chance, source, other, higher, parent.scales, parent.steps))
    text = completed(source.path, edited(source.text, change.edits), other)
    compile(text, source.path, "exec", dont_inherit=True)
    if longest(text) > max(LONGEST_LINE, longest(source.text)):
        raise NothingToDo
    return {**files, source.path: text}, change, operator.name.endswith("_from_other") and donor is not parent


def longest(text: str) -> int:
    """Return the length of the longest line."""
    return max(map(len, text.splitlines()), default=0)


def joined(first: Change, second: Change) -> Change:
    """Return two changes that were made one after the other as one."""
    return Change(
        [], f"{first.note}; {second.note}", {**first.scales, **second.scales}, {**first.steps, **second.steps}
    )
