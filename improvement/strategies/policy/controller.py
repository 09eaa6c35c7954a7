"""Proposes programs with other weights, learns from their scores, and can be stopped and taken up again."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import weights
from kit.cloud import Cloud
from kit.conversation import RefusalError
from search import Method, RandomSearch

NO_WEIGHTS = (
    "There is no number with a point in an evolve block of a Python file: write the weights there, for example as 0.0."
)
WORSE_THAN_WORST = 1.0
SAVED = ("files", "method", "number", "first", "points", "scores")


@dataclass(frozen=True)
class Settings:
    """What `strategy.toml` and the user may set."""

    method: str = "ars"
    best: int = 4
    noise: float = 0.5
    step: float = 0.5


class Controller:
    """A search over the weights of a program; see `strategy.toml` for its settings."""

    def __init__(self, task: dict[str, Any], seed: int, settings: Settings) -> None:
        self.settings, self.seed = settings, seed
        self.sign = -1.0 if task["metric"]["better"] == "lower" else 1.0
        self.files: dict[str, str] = dict(task["files"])
        self.number = 0
        self.begin(self.files)

    def begin(self, files: Mapping[str, str]) -> None:
        """Search around the weights of these files; what was proposed before is forgotten."""
        middle = np.array([weight.value for _, weight in weights.find(files)])
        if not len(middle):
            raise RefusalError(NO_WEIGHTS)
        self.files = dict(files)
        self.method = self.made(middle)
        self.points: list[np.ndarray] = []
        self.scores: list[float | None] = []
        self.first = self.number

    def made(self, middle: np.ndarray) -> Method:
        """Return the chosen method around a middle."""
        chosen, seed = self.settings, self.seed + self.number
        if chosen.method == "cmaes":
            return Cloud(middle, seed, width=chosen.noise)
        return RandomSearch(middle, seed, best=chosen.best, noise=chosen.noise, step=chosen.step)

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return `count` points, after learning from those before; whatever failed was worse than everything else."""
        known = [score for score in self.scores if score is not None]
        if known:
            worst = min(known) - WORSE_THAN_WORST
            scores = [worst if score is None else score for score in self.scores]
            self.method.learn(list(zip(self.points, scores, strict=True)))
        self.points = self.method.points(count)
        self.scores = [None] * count
        self.first, self.number = self.number, self.number + count
        return [self.proposal(point) for point in self.points]

    def proposal(self, point: np.ndarray) -> dict[str, Any]:
        """Return a proposal with these weights."""
        files = weights.written(self.files, point)
        return {"files": files, "parents": [], "operator": self.settings.method, "note": f"{len(point)} other weights"}

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Learn from results, and from a champion of another form than the programs proposed here.

        People's decisions change which program serves, not what weights are worth.
        """
        for result in results:
            place = result["number"] - self.first
            if 0 <= place < len(self.scores) and result["outcome"] != "blocked" and result["score"] is not None:
                self.scores[place] = self.sign * result["score"]
        if champion is not None and without_weights(champion["files"]) != without_weights(self.files):
            self.begin(champion["files"])

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on."""
        return base64.b64encode(pickle.dumps({name: getattr(self, name) for name in SAVED})).decode()

    def restore(self, text: str) -> None:
        """Go on exactly where `snapshot` was taken: this process wrote the text, and it has no rights to lose."""
        for name, value in pickle.loads(base64.b64decode(text)).items():  # noqa: S301
            setattr(self, name, value)


def without_weights(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files with zeros for weights: what is left is the program's form."""
    return weights.written(files, [0.0] * len(weights.find(files)))
