"""Peers over pipelines: random search, and Optuna's TPE over a tree of decisions.

Laid as `main.py` over the files of the strategy `automl`, with the same lines and the same ranges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from kit.conversation import serve
from kit.pipelines import MODELS, Line, Value, completed, write
from moves import LAYERS, RANGES, movable
from optuna.trial import Trial, TrialState

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True)
class Settings:
    """Which peer it is."""

    method: str = "random"


class Peer:
    """A study over a target's `pipeline.toml`."""

    def __init__(self, task: Mapping[str, Any], seed: int, settings: Settings) -> None:
        self.path, self.sign = next(iter(task["files"])), -1.0 if task["metric"]["better"] == "lower" else 1.0
        self.guards = [one for one in task["metrics"] if one["guard"] is not None]
        self.start = task["start"]
        self.classes = "calibration_error" in self.start
        if settings.method == "tpe":
            sampler: Any = optuna.samplers.TPESampler(seed=seed)
        else:
            sampler = optuna.samplers.RandomSampler(seed=seed)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return the pipeline of a new trial."""
        self.trial = self.study.ask()
        model = self.trial.suggest_categorical("model", MODELS)
        values = completed({"model": model})
        for line in movable(values, classes=self.classes):
            values[line.name] = suggested(self.trial, f"{model} {line.name}" if line.models else line.name, line)
        return [{"files": {self.path: write(values)}, "parents": [], "operator": "values", "note": ""}]

    def tell(self, results: Sequence[Mapping[str, Any]], decisions: object, champion: object) -> None:
        """Close the trial; what failed or breaks a guard is no success."""
        (result,) = results
        good = result["score"] is not None and all(self.keeps(one, result["metrics"]) for one in self.guards)
        state = TrialState.COMPLETE if good else TrialState.FAIL
        self.study.tell(self.trial, self.sign * result["score"] if good else None, state=state)

    def keeps(self, guarded: Mapping[str, Any], metrics: Mapping[str, float]) -> bool:
        """Whether a guarded metric is no worse than the start's by more than its guard."""
        name, sign = guarded["name"], -1.0 if guarded["better"] == "lower" else 1.0
        return name not in self.start or sign * (self.start[name] - metrics[name]) <= guarded["guard"]


def suggested(trial: Trial, name: str, line: Line) -> Value:
    """Return a trial's value of a line; where a number may mean nothing of the kind, a choice of its own says so."""
    if isinstance(line.default, bool):
        return trial.suggest_categorical(name, (False, True))
    if line.choices:
        return trial.suggest_categorical(name, line.choices)
    if isinstance(line.default, tuple):
        count = trial.suggest_int(f"{name} count", 1, 3)
        return tuple(trial.suggest_categorical(f"{name} {place}", LAYERS) for place in range(count))
    if line.off is not None and trial.suggest_categorical(f"{name} off", (False, True)):
        return line.off
    low, high = RANGES[line.name]
    if isinstance(line.default, int):
        return trial.suggest_int(name, int(low), int(high), log=True)
    return float(f"{trial.suggest_float(name, low, high, log=True):.3g}")


if __name__ == "__main__":
    serve(Peer, Settings)
