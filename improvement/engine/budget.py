"""What a run may still spend: evaluations, seconds, processor seconds, tokens, money, and an allowance to confirm.

Only the number of evaluations decides how many candidates are asked for. Every other limit may end a run and nothing
else, so that what a run proposes never depends on how fast a machine or a model is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from improvement.engine.wording import counted
from improvement.exceptions import Invalid

WARN_AT = 0.8
"""The share of a limit from which on people are warned."""


class Limit(StrEnum):
    """What a budget can limit, by its name in a record."""

    EVALUATIONS = "evaluations"
    SECONDS = "seconds"
    CPU_SECONDS = "cpu_seconds"
    TOKENS = "tokens"
    MICROUSD = "microusd"

    @property
    def noun(self) -> str:
        """What it counts, in a word or two."""
        return {"cpu_seconds": "CPU seconds", "microusd": "money"}.get(self.value, self.value)


MOST = {
    Limit.EVALUATIONS: 1_000_000,
    Limit.SECONDS: 366 * 24 * 60 * 60,
    Limit.CPU_SECONDS: 100_000_000,
    Limit.TOKENS: 1_000_000_000_000,
    Limit.MICROUSD: 1_000_000 * 1_000_000,
}
"""The largest value of each limit."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has used.

    ``measured`` are finished measurements, ``in_flight`` those that have begun, ``confirming`` evaluations for
    confirming. ``cpu_seconds``, ``tokens`` and ``microusd`` (millionths of a dollar) hold what is in flight already, at
    what it is reckoned to cost.
    """

    measured: int = 0
    in_flight: int = 0
    confirming: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    tokens: int = 0
    microusd: int = 0

    def of(self, limit: Limit) -> float:
        """Return what counts against a limit."""
        return {
            Limit.EVALUATIONS: self.measured + self.in_flight,
            Limit.SECONDS: self.seconds,
            Limit.CPU_SECONDS: self.cpu_seconds,
            Limit.TOKENS: self.tokens,
            Limit.MICROUSD: self.microusd,
        }[limit]


@dataclass(frozen=True, slots=True)
class Use:
    """How much of one limit is used, what is in flight included."""

    limit: Limit
    used: float
    most: float

    @property
    def share(self) -> float:
        """The used share; above 1 when the last generation cost more than was left."""
        return self.used / self.most

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.most

    @property
    def words(self) -> str:
        """The use as people read it: ``83 of 100 CPU seconds``."""
        if self.limit is Limit.MICROUSD:
            return f"{amount(self.limit, self.used)} of {amount(self.limit, self.most)}"
        return f"{self.used:,.0f} of {amount(self.limit, self.most)}"


@dataclass(frozen=True, slots=True)
class Budget:
    """A run's limits: ``evaluations`` counts measure evaluations; ``None`` elsewhere means without limit.

    ``seconds`` is the time in which the run may run: none passes while it is parked, paused or halted.
    ``cpu_seconds`` counts what evaluations cost, ``tokens`` and ``microusd`` (millionths of a dollar) what model calls
    do. ``allowance`` counts evaluations of confirm and holdout, the champion's half of each pair included.
    """

    evaluations: int
    seconds: float | None
    allowance: int
    cpu_seconds: float | None = None
    tokens: int | None = None
    microusd: int | None = None

    @classmethod
    def of(
        cls,
        evaluations: int,
        *,
        seconds: float | None = None,
        cpu_seconds: float | None = None,
        tokens: int | None = None,
        microusd: int | None = None,
        allowance: int | None = None,
    ) -> Budget:
        """Make a budget, by default with an allowance of half the evaluations, at least 64; raises Invalid."""
        budget = cls(
            evaluations,
            seconds,
            max(64, evaluations // 2) if allowance is None else allowance,
            cpu_seconds,
            tokens,
            microusd,
        )
        for limit, most in budget.limits.items():
            _check(limit, most)
        return budget

    @property
    def limits(self) -> dict[Limit, float]:
        """The limits that are set."""
        known = {
            Limit.EVALUATIONS: self.evaluations,
            Limit.SECONDS: self.seconds,
            Limit.CPU_SECONDS: self.cpu_seconds,
            Limit.TOKENS: self.tokens,
            Limit.MICROUSD: self.microusd,
        }
        return {limit: most for limit, most in known.items() if most is not None}

    def uses(self, spent: Spent) -> tuple[Use, ...]:
        """Say how much of each limit that is set is used."""
        return tuple(Use(limit, spent.of(limit), most) for limit, most in self.limits.items())

    def may_start(self, spent: Spent) -> int:
        """Say how many more measurements may start now, everything in flight counted as used."""
        if any(use.is_spent for use in self.uses(spent)):
            return 0
        return self.evaluations - spent.measured - spent.in_flight

    def can_pay(self, tokens: int, microusd: int) -> bool:
        """Tell whether so many tokens and millionths of a dollar, all in all, lie within the limits."""
        return tokens <= (self.tokens or math.inf) and microusd <= (self.microusd or math.inf)

    def allowance_left(self, spent: Spent) -> int:
        """Say how many evaluations for confirming are left."""
        return max(0, self.allowance - spent.confirming)

    def progress(self, spent: Spent) -> float:
        """Say the used share of the evaluations, 0 to 1: it paces what is confirmed, so no clock may have a part."""
        return min(1.0, spent.measured / self.evaluations)

    def why_spent(self, spent: Spent) -> str:
        """Say in half a sentence which limit ends the run."""
        over = [amount(use.limit, use.most) for use in self.uses(spent) if use.is_spent]
        return f"the budget of {' and '.join(over)} is spent" if over else "the budget is spent"


def amount(limit: Limit, value: float) -> str:
    """Return an amount of what a limit counts, as people read it: ``200 evaluations``, ``$1.25``."""
    if limit is Limit.MICROUSD:
        return f"${value / 1_000_000:,.2f}" if not 0 < value < 10_000 else f"${value / 1_000_000:f}".rstrip("0")
    if limit is Limit.EVALUATIONS or limit is Limit.TOKENS:
        return counted(int(value), limit.value.removesuffix("s"))
    return f"{value:,g} {limit.noun if value != 1 else limit.noun.removesuffix('s')}"


def microusd(text: str) -> int:
    """Read an amount in dollars as millionths of one; raises ValueError."""
    try:
        return int(Decimal(text).scaleb(6).to_integral_value())
    except (InvalidOperation, OverflowError) as error:
        raise ValueError(f"{text!r} is no amount of dollars") from error


def _check(limit: Limit, most: float) -> None:
    if math.isfinite(most) and 0 < most <= MOST[limit]:
        return
    choice = "choose between 1 and" if limit in {Limit.EVALUATIONS, Limit.TOKENS} else "choose more than 0, up to"
    said = amount(limit, most) if math.isfinite(most) else f"{most} {limit.value}"
    raise Invalid(f"The budget is {said}: {choice} {amount(limit, MOST[limit])}.")
