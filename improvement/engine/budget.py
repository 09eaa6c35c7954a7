"""What a run may still spend: measurements, seconds, and the separate allowance for confirming."""

from __future__ import annotations

import math
from dataclasses import dataclass

from improvement.exceptions import Invalid


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has used: finished measurements, those in flight, evaluations for confirming, seconds."""

    measured: int = 0
    in_flight: int = 0
    confirming: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """A run's limits: ``evaluations`` counts measure evaluations; ``seconds`` is the time it may run, None for ever.

    No time passes while a run is parked, paused or halted.
    ``allowance`` counts evaluations of confirm and holdout, the champion's half of each pair included.
    """

    evaluations: int
    seconds: float | None
    allowance: int

    @classmethod
    def of(cls, evaluations: int, *, seconds: float | None = None, allowance: int | None = None) -> Budget:
        """Make a budget, by default with an allowance of half the evaluations, at least 64."""
        if evaluations < 1:
            raise Invalid(f"The budget is {evaluations} evaluations; give at least 1.")
        if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
            raise Invalid(f"The budget is {seconds} seconds; give a number above 0 or none.")
        return cls(evaluations, seconds, max(64, evaluations // 2) if allowance is None else allowance)

    def may_start(self, spent: Spent) -> int:
        """Say how many more measurements may start now, those in flight counted as used."""
        if self._out_of_time(spent):
            return 0
        return max(0, self.evaluations - spent.measured - spent.in_flight)

    def allowance_left(self, spent: Spent) -> int:
        """Say how many evaluations for confirming are left."""
        return max(0, self.allowance - spent.confirming)

    def progress(self, spent: Spent) -> float:
        """Say the used share of the budget, 0 to 1: evaluations or seconds, whichever is further."""
        share = spent.measured / self.evaluations
        if self.seconds is not None:
            share = max(share, spent.seconds / self.seconds)
        return min(1.0, share)

    def _out_of_time(self, spent: Spent) -> bool:
        return self.seconds is not None and spent.seconds >= self.seconds
