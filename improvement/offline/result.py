"""What a run without people comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from improvement.engine.evidence import Evidence


@dataclass(frozen=True)
class Tried:
    """One proposal and what became of it; ``digest`` is of the patch from the start, score None unless measured."""

    number: int
    generation: int
    digest: str
    parents: tuple[int, ...]
    operator: str
    outcome: str
    score: float | None


@dataclass(frozen=True)
class Confirmation:
    """One nomination: the candidate, its digest and the evidence that came of it."""

    number: int
    digest: str
    evidence: Evidence

    @property
    def stands(self) -> bool:
        """Whether the candidate is better beyond noise and nothing forbids releasing it."""
        return self.evidence.better and not self.evidence.blocking


@dataclass(frozen=True)
class Standing:
    """A state of the editable files with its score; ``number`` is None for the start."""

    number: int | None
    digest: str
    score: float
    files: Mapping[str, str]


@dataclass(frozen=True)
class OfflineResult:
    """A finished run.

    ``champion`` is the best confirmed candidate, its score the mean on the confirm seeds (the start while there is
    none); ``best`` is the best measured one. ``why`` says in half a sentence why the run ended.
    """

    state: str
    why: str
    target: str
    strategy: str
    seed: int
    seconds: float
    evaluations: int
    confirm_evaluations: int
    cpu_seconds: float
    tokens: int
    microusd: int
    start: Standing
    champion: Standing
    best: Standing
    history: tuple[Tried, ...]
    confirmations: tuple[Confirmation, ...]

    def count(self, outcome: str) -> int:
        """Count the proposals with this outcome."""
        return sum(tried.outcome == outcome for tried in self.history)

    def as_json(self) -> dict[str, Any]:
        """Give the ``improve`` object of the command line; without people there is no run id and no open review."""
        return {
            "state": self.state,
            "why": self.why,
            "target": self.target,
            "strategy": self.strategy,
            "seed": self.seed,
            "evaluations": self.evaluations,
            "confirm_evaluations": self.confirm_evaluations,
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "tokens": self.tokens,
            "microusd": self.microusd,
            "start": _standing(self.start),
            "champion": _standing(self.champion),
            "best": _standing(self.best),
            "open_reviews": [],
            "confirmed": [_confirmation(one) for one in self.confirmations],
            "blocked": self.count("blocked"),
            "failed": self.count("failed"),
            "dropped": self.count("dropped"),
            "duplicates": self.count("duplicate"),
        }


def name_of(number: int | None) -> str | None:
    """Name a proposal as a candidate."""
    return None if number is None else f"C-{number}"


def _standing(standing: Standing) -> dict[str, Any]:
    name = name_of(standing.number)
    return {"commit": None, "candidate": name, "digest": standing.digest, "score": standing.score}


def _confirmation(one: Confirmation) -> dict[str, Any]:
    return {
        "candidate": name_of(one.number),
        "verdict": one.evidence.verdict.value,
        "stands": one.stands,
        "summary": one.evidence.summary,
        "evidence": one.evidence.digest,
    }
