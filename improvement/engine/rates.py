"""What answers of language models cost in evaluations, so that strategies that share a run can be compared."""

from __future__ import annotations

from dataclasses import dataclass

MICROUSD = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """So many tokens, or dollars, cost as much as one evaluation; where that is 0 they count nothing.

    Only what is the same on every machine is counted, never seconds, so that a run repeats.
    """

    tokens: float = 20_000.0
    dollars: float = 0.05

    def evaluations(self, measured: int, *, tokens: int, microusd: int) -> float:
        """Return what measured candidates and answers cost together, in evaluations."""
        asked = tokens / self.tokens if self.tokens else 0.0
        paid = microusd / MICROUSD / self.dollars if self.dollars else 0.0
        return measured + asked + paid
