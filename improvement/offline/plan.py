"""What a run is: everything that decides which candidates it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from improvement.engine.asktell import Init
from improvement.engine.budget import Budget
from improvement.engine.measurement import Measurement, Task
from improvement.engine.packages import Setting, StrategyPackage
from improvement.engine.patches import files_digest
from improvement.engine.seeds import strategy_seed
from improvement.offline.models import Chosen

MIN_LEVEL = 3


@dataclass(frozen=True)
class Plan:
    """A target, a strategy with its settings and models, a budget and a seed.

    ``min_level`` is the sandbox's, 0 to 3, ``programs`` are the host's files and folders that programs which edit may
    see.
    """

    task: Task
    package: StrategyPackage
    settings: Mapping[str, Setting]
    budget: Budget
    seed: int
    min_level: int = MIN_LEVEL
    programs: tuple[str, ...] = ()
    models: tuple[Chosen, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """The plan as a state file names it."""
        return {
            "target": self.task.manifest.name,
            "evaluator": self.task.evaluator_digest,
            "start": files_digest(self.task.editable),
            "strategy": self.package.digest,
            "settings": dict(self.settings),
            "evaluations": self.budget.evaluations,
            "seconds": self.budget.seconds,
            "cpu_seconds": self.budget.cpu_seconds,
            "tokens": self.budget.tokens,
            "microusd": self.budget.microusd,
            "allowance": self.budget.allowance,
            "seed": self.seed,
            "models": [[model.offer.as_json(), model.stated.config.model] for model in self.models],
        }

    def init(self, start_score: float, start: Measurement) -> Init:
        """Say what the strategy is told first; ``start`` is the measurement of the start."""
        return Init.of(
            self.task.manifest,
            self.task.editable,
            score=start_score,
            seed=strategy_seed(self.seed),
            parameters=self.settings,
            start=start.metrics,
            feedback=start.feedback,
            models=[model.offer for model in self.models],
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: measurements made and allowed, and raw scores (``confirmed`` None while there is none)."""

    evaluations: int
    budget: int
    start: float
    best: float
    confirmed: float | None
