"""Sequential confirmation: spend few seeds on clear winners and losers, more on close calls, with a kept error rate.

A group-sequential test with a planned number of looks. What a look may spend of the error is fixed in advance and
adds up to ``ALPHA``, so the chance to confirm a change that does nothing is at most ``ALPHA`` by the union bound,
whatever the looks' dependence (Jennison and Turnbull, "Group Sequential Methods with Applications to Clinical Trials",
2000, chapter 7, on error spending). Each look is a sign-flip test, which is exact here: a change that does nothing
makes the two sides of a pair exchangeable, and differences of exchangeable values are symmetric. Stopping early for
hopelessness is non-binding: it can only lower the error. The interval that belongs to a look at its own level is the
repeated confidence interval (Jennison and Turnbull, "Interim analyses: the repeated confidence interval approach",
JRSS B 51, 1989): it excludes zero exactly when the look confirms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from improvement.engine.statistics import Comparison, compare
from improvement.exceptions import Invalid


@dataclass(frozen=True, slots=True)
class Look:
    """One planned look: after how many pairs, the one-sided error it may spend, and from where on it is hopeless.

    A one-sided p-value of at least ``hopeless`` ends the test without confirming.
    """

    pairs: int
    alpha: float
    hopeless: float

    @property
    def level(self) -> float:
        """The level of the two-sided interval whose lower end decides this look."""
        return 1.0 - 2.0 * self.alpha


ALPHA = 0.05
"""The chance that a change which does nothing is confirmed, over all looks."""

PLAN = (
    Look(8, 0.008, 0.50),
    Look(12, 0.008, 0.35),
    Look(16, 0.009, 0.25),
    Look(24, 0.010, 0.15),
    Look(40, 0.015, 0.0),
)
MOST_PAIRS = PLAN[-1].pairs


class Ruling(StrEnum):
    """What a look comes to."""

    BETTER = "better"
    NOT_BETTER = "not better"
    GO_ON = "go on"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A look's ruling, the comparison at its level, and how many pairs the next look needs (0: there is none)."""

    ruling: Ruling
    comparison: Comparison
    next_pairs: int


def judge(differences: Sequence[float], *, epsilon: float = 0.0) -> Judgement:
    """Judge the paired differences (positive is better) of exactly as many pairs as one of the looks has.

    To be better, the lower end of the look's interval must lie above ``epsilon`` (in the metric's unit). Identical
    differences on every pair, as deterministic targets give them, are decided at the first look. Raises Invalid for a
    number of pairs that is not planned.
    """
    place = next((index for index, look in enumerate(PLAN) if look.pairs == len(differences)), None)
    if place is None:
        planned = ", ".join(str(look.pairs) for look in PLAN)
        raise Invalid(f"A confirmation is judged after {planned} pairs, and there are {len(differences)}.")
    look, last = PLAN[place], place == len(PLAN) - 1
    comparison = compare(differences, level=look.level)
    if comparison.low > epsilon:
        return Judgement(Ruling.BETTER, comparison, 0)
    if last or comparison.method == "exact" or _one_sided(comparison) >= look.hopeless:
        return Judgement(Ruling.NOT_BETTER, comparison, 0)
    return Judgement(Ruling.GO_ON, comparison, PLAN[place + 1].pairs)


def _one_sided(comparison: Comparison) -> float:
    """The p-value of "no better than the champion", from the two-sided one."""
    half = (comparison.p_value or 0.0) / 2.0
    return half if comparison.mean > 0 else 1.0 - half
