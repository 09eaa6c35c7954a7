"""What the panels of a run are made of, each part read once and only when a panel asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from improvement.engine.manifest import Manifest
from improvement.engine.pipeline_space import space_of
from improvement.engine.space import Parameter
from improvement.selectors import importances as read_importances
from improvement.selectors import insights, targets
from improvement.selectors.importances import Importances
from improvement.selectors.insights import Tried

if TYPE_CHECKING:
    from improvement.models import Run


class Story:
    """One run; ``against`` names the metric that the first is set against, where somebody chose one."""

    def __init__(self, run: Run, against: str) -> None:
        self.run = run
        self.metric: str = run.target.metric
        self.sign = run.target.sign
        self.against = against

    @cached_property
    def tried(self) -> list[Tried]:
        """Every candidate, oldest first."""
        return insights.tried(self.run)

    @cached_property
    def measured(self) -> bool:
        """Whether there is a score."""
        return any(row.score is not None for row in self.tried)

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest of the target's champion."""
        return targets.manifest(self.run.target)

    @cached_property
    def champion(self) -> int | None:
        """The champion when it is a candidate of this run."""
        return insights.champion_id(self.run)

    @cached_property
    def importances(self) -> Importances | None:
        """How much each parameter had to do with the score, as far as that is known."""
        return read_importances.latest(self.run)

    @cached_property
    def space(self) -> list[Parameter]:
        """What the search may set, what made the most difference first."""
        shares = self.importances.shares if self.importances else {}
        return sorted(space_of(self.manifest), key=lambda one: -shares.get(one.name, 0.0))

    @cached_property
    def values(self) -> Mapping[int, Mapping[str, Any]]:
        """What every candidate sets the declared parameters to."""
        return insights.values(self.run)
