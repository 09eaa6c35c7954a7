"""What is known of the programs so far: the best, what failed, and what people said."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kit.selection import tournament

KEPT_FAILURES = 6
KEPT_REMARKS = 8
LUCK, REJECTED = "unconfirmed", "rejected"


@dataclass
class Program:
    """A program: its number (None for the start or a champion), score as told, and what the evaluator said of it.

    `merit` is the score with the sign that makes more better; None when it failed. `verdict` is what became of it.
    """

    number: int | None
    files: dict[str, str]
    score: float | None
    merit: float | None
    metrics: dict[str, float] = field(default_factory=dict)
    feedback: str = ""
    note: str = ""
    verdict: str = ""
    mended: int = 0

    def lines(self) -> set[str]:
        """Return the lines that hold anything, whatever their indentation."""
        return {line.strip() for text in self.files.values() for line in text.splitlines() if line.strip()}


class Archive:
    """The best programs, best first, the latest failures, and what reviewers said."""

    def __init__(self, base: Program, size: int) -> None:
        self.base = base
        self.size = size
        self.elites = [base]
        self.failures: list[Program] = []
        self.remarks: list[str] = []

    def best(self) -> Program:
        """Return the best program that is in no doubt."""
        return self.elites[0]

    def add(self, program: Program) -> None:
        """Take in a measured program, or one that failed."""
        if program.merit is None:
            self.failures = [*self.failures, program][-KEPT_FAILURES:]
            return
        self.elites.append(program)
        self.sort()

    def sort(self) -> None:
        """Put the best first; those in doubt come last, the base always stays."""
        self.elites.sort(key=worth, reverse=True)
        if len(self.elites) > self.size:
            kept = self.elites[: self.size]
            self.elites = kept if any(one is self.base for one in kept) else [*kept[:-1], self.base]

    def parent(self, chance: random.Random) -> Program:
        """Return a parent: the winner of a tournament of three by rank, so mostly one of the best."""
        sound = [one for one in self.elites if one.verdict not in (LUCK, REJECTED)] or [self.base]
        return sound[tournament(len(sound), chance)]

    def contrasts(self, parent: Program, count: int) -> list[Program]:
        """Return programs to show beside a parent: the best one, then those whose lines differ most from it."""
        others = [one for one in self.elites if one is not parent and one.files != parent.files]
        if not others or count == 0:
            return []
        mine = parent.lines()
        unlike = sorted(others[1:], key=lambda one: -difference(mine, one.lines()))
        return [others[0], *unlike[: count - 1]]

    def judge(self, number: int, verdict: str, words: Sequence[str]) -> None:
        """Note what became of a proposal, and what was said of it."""
        known = next((one for one in self.elites if one.number == number), None)
        if known is not None:
            known.verdict = verdict
            self.sort()
        note = known.note if known else f"proposal {number}"
        said = [f"{verdict}: {note or 'a change'}. {word}" for word in words if word.strip()]
        self.remarks = [*self.remarks, *said][-KEPT_REMARKS:]

    def rebase(self, champion: Program) -> None:
        """Go on from a champion that moved."""
        known = next((one for one in self.elites if one.files == champion.files), champion)
        known.verdict = ""
        self.base = known
        if not any(one is known for one in self.elites):
            self.elites.append(known)
        self.sort()

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        base = next(place for place, one in enumerate(self.elites) if one is self.base)
        return {
            "elites": [asdict(one) for one in self.elites],
            "base": base,
            "failures": [asdict(one) for one in self.failures],
            "remarks": self.remarks,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self.elites = [Program(**one) for one in state["elites"]]
        self.base = self.elites[state["base"]]
        self.failures = [Program(**one) for one in state["failures"]]
        self.remarks = list(state["remarks"])


def worth(program: Program) -> tuple[bool, float]:
    """Return the sort key: sound before doubtful, then the merit."""
    merit = float("-inf") if program.merit is None else program.merit
    return program.verdict not in (LUCK, REJECTED), merit


def difference(mine: set[str], theirs: set[str]) -> float:
    """Return how unlike two sets of lines are, from 0 to 1."""
    return 1.0 - len(mine & theirs) / max(1, len(mine | theirs))
