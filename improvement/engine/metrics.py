"""The metrics of a target: the numbers that its evaluator answers, and which of them is to be improved."""

from __future__ import annotations

from dataclasses import dataclass

from improvement.engine.tables import Table
from improvement.exceptions import ManifestError

DIRECTIONS = ("higher", "lower")


@dataclass(frozen=True, slots=True)
class Metric:
    """One number the evaluator answers.

    ``epsilon`` is the smallest difference that matters, ``guard`` the largest worsening that is allowed, ``bound``
    the best value that can be true (beyond it a result is quarantined); all three in the metric's own unit.
    """

    name: str
    better: str
    unit: str = ""
    epsilon: float = 0.0
    guard: float | None = None
    bound: float | None = None

    @property
    def sign(self) -> float:
        """+1.0 or -1.0: a value times this sign is better when it is higher."""
        return 1.0 if self.better == "higher" else -1.0


def read_metrics(table: Table) -> tuple[Metric, ...]:
    """Read the metrics, the one to improve first; raises ManifestError."""
    metrics = table.tables(("better", "unit", "epsilon", "guard", "bound"))
    if not metrics:
        raise ManifestError(
            f'{table.where}: no metric is declared. Add a table [metrics.score] with better = "higher".'
        )
    return tuple(_metric(name, entry) for name, entry in metrics.items())


def _metric(name: str, table: Table) -> Metric:
    table.check_identifier(name)
    if "better" not in table.values:
        raise table.error("better", 'is missing. Write better = "higher" or better = "lower".')
    return Metric(
        name=name,
        better=table.one_of("better", DIRECTIONS),
        unit=table.text("unit", ""),
        epsilon=float(table.number("epsilon", 0.0, least=0.0)),
        guard=float(table.number("guard", least=0.0)) if "guard" in table.values else None,
        bound=float(table.number("bound")) if "bound" in table.values else None,
    )
