"""A program that was evaluated, and what decides between two of them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from kit.islands import Rules
from source import digest, form

CHEAPER = 0.8
"""A program of equal score takes another's place when its work is at most this share of the other's."""


@dataclass
class Member:
    """A program with its signed scores (higher is better, None unknown), estimated work and what it descends from.

    `others` are the signed values of the goals beside the first.
    """

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
    others: list[float] = field(default_factory=list)

    def merit(self) -> float:
        """Return the sort key: the score without the last digits, which rounding makes; unknown is lowest."""
        return float("-inf") if self.score is None else rounded(self.score)

    def worth(self) -> tuple[float, ...]:
        """Return what the program is worth by each goal."""
        return (self.merit(), *map(rounded, self.others))

    @cached_property
    def form(self) -> str:
        """What stays of the program when its numbers change, as 16 hex digits."""
        return form(self.files)

    @classmethod
    def of(
        cls,
        files: Mapping[str, str],
        score: float | None,
        work: float,
        metrics: Mapping[str, float],
        others: list[float] | None = None,
    ) -> Member:
        """Return a member that is no proposal: the start or a champion."""
        return cls(None, dict(files), score, work, digest(files), metrics=dict(metrics), others=others or [])


def rounded(value: float) -> float:
    """Return a number without the digits in which the same sum, added up in another order, may differ."""
    return float(f"{value:.12g}")


def rules(base: Mapping[str, str]) -> Rules[Member]:
    """Return how islands keep programs that people will read as a change of the files `base`.

    Of two programs of equal score the older stays, for what makes no difference to the score is often what makes a
    program general, unless the newer one needs far less work, or less to read and no more work.
    """

    def succeeds(new: Member, old: Member) -> bool:
        if new.work <= CHEAPER * old.work:
            return True
        return new.work <= old.work and to_read(base, new.files) < to_read(base, old.files)

    return Rules(Member.worth, lambda member: member.form, succeeds, lambda member: member.doubts)


def to_read(base: Mapping[str, str], files: Mapping[str, str]) -> int:
    """Return how many characters people read to see what changed: of all lines that are new or gone."""
    return sum(changed_letters(base.get(path, ""), text) for path, text in files.items())


@lru_cache(maxsize=512)
def changed_letters(old: str, new: str) -> int:
    """Return the characters, but for spaces, in the lines that one of two texts has and the other has not."""
    mine, theirs = old.splitlines(), new.splitlines()
    steps = difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes()
    changed = [mine[a:b] + theirs[c:d] for step, a, b, c, d in steps if step != "equal"]
    return sum(len("".join(line.split())) for lines in changed for line in lines)
