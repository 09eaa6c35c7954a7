"""Peers over numbers and choices: random search, Optuna's TPE and CMA-ES, each as one finds it.

Laid as `main.py` over the files of the strategy `parameters`, whose reading of a search space they share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import optuna
from cmaes import CMA
from kit.conversation import serve
from kit.sites import write
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import TrialState
from space import Space, declared, derived

optuna.logging.set_verbosity(optuna.logging.ERROR)

MOST_LITERALS = 200
WIDTH = 0.25
"""The first step size of CMA-ES, in widths of a range."""


@dataclass(frozen=True)
class Settings:
    """Which peer it is."""

    method: str = "random"


class Method(Protocol):
    """Something that gives values and learns from their scores."""

    def values(self) -> dict[str, Any]:
        """Return the next values to try."""

    def learn(self, score: float | None) -> None:
        """Take the score (higher is better, None after a failure) of the values that were given last."""


class Study:
    """An Optuna study with the sampler of that name and nothing set but the seed; the start is known to it."""

    def __init__(self, name: str, space: Space, score: float, seed: int) -> None:
        self.ranges = space.ranges
        sampler = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}[name](seed=seed)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)
        self.study.add_trial(optuna.create_trial(params=space.values(), distributions=dict(self.ranges), value=score))

    def values(self) -> dict[str, Any]:
        """Return the values of a new trial."""
        self.trial = self.study.ask(dict(self.ranges))
        return self.trial.params

    def learn(self, score: float | None) -> None:
        """Close the trial."""
        self.study.tell(self.trial, score, state=TrialState.FAIL if score is None else TrialState.COMPLETE)


class Cloud:
    """CMA-ES in the unit cube, around the start; choices are shares of an axis, a failure is the worst of all."""

    def __init__(self, space: Space, score: float, seed: int) -> None:
        self.ranges, self.worst = space.ranges, -score
        middle = np.array([placed(self.ranges[name], value) for name, value in space.values().items()])
        bounds = np.tile([0.0, 1.0], (len(middle), 1))
        self.inner = CMA(mean=middle, sigma=WIDTH, bounds=bounds, seed=seed % 2**32)
        self.known: list[tuple[np.ndarray, float]] = []

    def values(self) -> dict[str, Any]:
        """Return the values of a new point."""
        self.point = self.inner.ask()
        return {name: valued(self.ranges[name], share) for name, share in zip(self.ranges, self.point, strict=True)}

    def learn(self, score: float | None) -> None:
        """Note the point, and move the cloud when a generation is full."""
        loss = self.worst if score is None else -score
        self.worst = max(self.worst, loss)
        self.known.append((self.point, loss))
        if len(self.known) == self.inner.population_size:
            self.inner.tell(self.known)
            self.known = []


def placed(limits: BaseDistribution, value: Any) -> float:
    """Return where in its range, 0 to 1, a value lies."""
    if isinstance(limits, CategoricalDistribution):
        return (limits.choices.index(value) + 0.5) / len(limits.choices)
    scale = math.log if limits.log else float
    low, high = scale(limits.low), scale(limits.high)
    return (scale(value) - low) / (high - low)


def valued(limits: BaseDistribution, share: float) -> Any:
    """Return the value at a place, 0 to 1, of its range."""
    if isinstance(limits, CategoricalDistribution):
        return limits.choices[min(int(share * len(limits.choices)), len(limits.choices) - 1)]
    if limits.log:
        value = limits.low * (limits.high / limits.low) ** share
    else:
        value = limits.low + (limits.high - limits.low) * share
    return round(value) if isinstance(limits, IntDistribution) else float(value)


class Peer:
    """A method at work on a target's files."""

    def __init__(self, task: Mapping[str, Any], seed: int, settings: Settings) -> None:
        self.files, self.sign = task["files"], -1.0 if task["metric"]["better"] == "lower" else 1.0
        self.space = declared(task["space"], self.files) if task["space"] else derived(self.files, MOST_LITERALS)
        score = self.sign * task["score"]
        self.method: Method = (
            Cloud(self.space, score, seed)
            if settings.method == "cmaes"
            else Study(settings.method, self.space, score, seed)
        )

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return one proposal: the method learns from each before the next."""
        values = self.method.values()
        files = write(self.files, {self.space.sites[name]: value for name, value in values.items()})
        return [{"files": files, "parents": [], "operator": "values", "note": ""}]

    def tell(self, results: Sequence[Mapping[str, Any]], decisions: object, champion: object) -> None:
        """Let the method learn."""
        for result in results:
            self.method.learn(None if result["score"] is None else self.sign * result["score"])


if __name__ == "__main__":
    serve(Peer, Settings)
