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

from dataclasses import dataclass
from typing import Protocol

from improvement.exceptions import Invalid


@dataclass(frozen=True, slots=True)
class Look:
    """One planned look: after how many pairs, the one-sided error it may spend, and from where on it is hopeless.

    A one-sided p-value of at least ``hopeless`` ends the confirmation there.
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
FIRST, LAST = PLAN[0], PLAN[-1]


class Compared(Protocol):
    """What a look needs to know of a paired comparison (positive is better)."""

    @property
    def mean(self) -> float: ...  # noqa: D102 - see statistics.Comparison
    @property
    def p_value(self) -> float | None: ...  # noqa: D102
    @property
    def method(self) -> str: ...  # noqa: D102


def look_after(pairs: int) -> Look:
    """Return the look that is taken after so many pairs; raises Invalid when none is planned there."""
    for look in PLAN:
        if look.pairs == pairs:
            return look
    planned = ", ".join(str(look.pairs) for look in PLAN)
    raise Invalid(f"A confirmation is judged after {planned} pairs, and there are {pairs}.")


def next_look(look: Look, compared: Compared) -> Look | None:
    """Return the look to go on to after one that did not confirm; None where more seeds would be wasted.

    A deterministic target ("exact": the same difference on every seed) has nothing more to tell.
    """
    if look == LAST or compared.method == "exact" or _one_sided(compared) >= look.hopeless:
        return None
    return PLAN[PLAN.index(look) + 1]


def _one_sided(compared: Compared) -> float:
    """The p-value of "no better than the champion", from the two-sided one."""
    half = (compared.p_value or 0.0) / 2.0
    return half if compared.mean > 0 else 1.0 - half
