"""What a task wants of a candidate: the metrics to improve, and how much worse the guarded ones may become."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """One metric; `sign` times its value is better when it is higher."""

    name: str
    sign: float

    @classmethod
    def of(cls, metric: Mapping[str, Any]) -> Goal:
        """Read a metric as the task declares it."""
        return cls(metric["name"], -1.0 if metric["better"] == "lower" else 1.0)


@dataclass(frozen=True)
class Goals:
    """The metrics to improve, the one that counts first, and the guarded ones with how much worse each may become."""

    wanted: tuple[Goal, ...]
    guarded: tuple[tuple[Goal, float], ...] = ()

    @property
    def signs(self) -> tuple[float, ...]:
        """The signs of the metrics to improve."""
        return tuple(goal.sign for goal in self.wanted)

    def first(self) -> Goals:
        """Return these goals without those beside the first."""
        return Goals(self.wanted[:1], self.guarded)

    def values(self, score: float | None, metrics: Mapping[str, float]) -> list[float] | None:
        """Return a value for each metric to improve; None when one is missing or no finite number."""
        found = [score, *(metrics.get(goal.name) for goal in self.wanted[1:])]
        return found if all(value is not None and math.isfinite(value) for value in found) else None

    def kept(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return the guarded metrics among these."""
        return {goal.name: metrics[goal.name] for goal, _ in self.guarded if goal.name in metrics}

    def violations(self, base: Mapping[str, float], metrics: Mapping[str, float]) -> dict[str, float]:
        """Return by how much each guard is broken against the base's metrics; nothing is broken up to 0.

        A metric that the base lacks has nothing to be compared with, one that only the candidate lacks is broken.
        """
        known = [(goal, most) for goal, most in self.guarded if goal.name in base]
        return {
            goal.name: goal.sign * (base[goal.name] - metrics[goal.name]) - most if goal.name in metrics else math.inf
            for goal, most in known
        }


def read_goals(task: Mapping[str, Any]) -> Goals:
    """Return a task's goals: the first metric, and every other one that has no guard."""
    primary, *others = task.get("metrics") or [task["metric"]]
    free = [Goal.of(one) for one in others if one.get("guard") is None]
    guarded = tuple((Goal.of(one), one["guard"]) for one in others if one.get("guard") is not None)
    return Goals((Goal.of(primary), *free), guarded)
