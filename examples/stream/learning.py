"""A classifier that learns from one observation after another, and never moves further than it is allowed to."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from detectors import Watch
from rules import LARGEST_UPDATE, Rule


class Learner:
    """A rule at work on observations of `inputs` measurements and `classes` classes.

    Everything that a prediction depends on is in `weights`, one vector: the shift and the stretch of the measurements,
    then a row for each class. The rest is memory of what was seen.
    """

    def __init__(self, rule: Rule, inputs: int, classes: int, bound: float = LARGEST_UPDATE) -> None:
        self.rule, self.inputs, self.classes, self.bound = rule, inputs, classes, bound
        self.width = (2 * inputs if rule.features == "squares" else inputs) + 1
        self.weights = np.zeros(2 * inputs + classes * self.width)
        self.recent: deque[tuple[np.ndarray, int]] = deque(maxlen=rule.memory)
        self.watch = Watch(rule.detector, rule.delta)
        self.seen, self.calm_at, self.turn = 0, 0, 0
        self.work, self.largest_update = 0, 0.0

    def predict(self, x: np.ndarray) -> int:
        """Return the class of an observation, by the weights as they are."""
        self.work += self.classes * self.width
        return int(np.argmax(self.scores(self.weights, self.expanded(self.weights, x))))

    def learn(self, x: np.ndarray, y: int, *, wrong: bool) -> bool:
        """Take the label of an observation and whether its prediction was wrong; return whether that was a drift."""
        drifted = self.watch.sees_drift(int(wrong))
        if drifted:
            self.recent.clear()
            self.calm_at = self.seen + self.rule.calm
        self.recent.append((x, y))
        self.move(self.wanted(drifted))
        self.seen += 1
        return drifted

    def wanted(self, drifted: bool) -> np.ndarray:
        """Return the weights that the rule asks for after its newest observation."""
        weights = self.weights.copy()
        if drifted and self.rule.reaction == "forget":
            weights[2 * self.inputs :] *= 0.5
        faster = self.rule.reaction == "faster" and self.seen < self.calm_at
        rate = self.rule.rate * (self.rule.boost if faster else 1.0)
        for x, y in self.lessons():
            self.step(weights, x, y, rate)
        return weights

    def lessons(self) -> list[tuple[np.ndarray, int]]:
        """Return the newest observation after as many earlier ones as the rule replays, each in its turn."""
        earlier = len(self.recent) - 1
        chosen = [self.recent[(self.turn + step) % earlier] for step in range(min(self.rule.replay, earlier))]
        self.turn += len(chosen)
        return [*chosen, self.recent[-1]]

    def step(self, weights: np.ndarray, x: np.ndarray, y: int, rate: float) -> None:
        """Move weights a little towards an observation's class, in place."""
        self.work += 3 * self.classes * self.width
        shift, stretch = weights[: self.inputs], weights[self.inputs : 2 * self.inputs]
        shift += self.rule.scaling * (x - shift)
        stretch += self.rule.scaling * (np.log(np.abs(x - shift) + 0.1) + 0.5 - stretch)
        phi = self.expanded(weights, x)
        rows = self.rows(weights)
        if self.rule.model == "centres":
            rows[y] += rate * (phi - rows[y])
            return
        scores = self.scores(weights, phi)
        odds = np.exp(scores - scores.max())
        pull = -odds / odds.sum()
        pull[y] += 1.0
        rows += rate * np.outer(pull, phi)
        rows *= 1.0 - rate * self.rule.shrinkage

    def move(self, wanted: np.ndarray) -> None:
        """Move the weights towards those that are wanted, at most as far as the rule and the bound allow."""
        way = wanted - self.weights
        length = float(np.linalg.norm(way))
        allowed = min(1.0, min(self.rule.largest_update, self.bound) / length) if length > 0 else 0.0
        self.weights = self.weights + allowed * way
        self.largest_update = max(self.largest_update, allowed * length)

    def rows(self, weights: np.ndarray) -> np.ndarray:
        """Return the rows of the classes, as a view of the weights."""
        return weights[2 * self.inputs :].reshape(self.classes, self.width)

    def expanded(self, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return what the classes weigh of an observation: shape (width,)."""
        z = np.clip((x - weights[: self.inputs]) * np.exp(-weights[self.inputs : 2 * self.inputs]), -4.0, 4.0)
        parts = [z, z * z - 1.0] if self.rule.features == "squares" else [z]
        return np.concatenate([*parts, [1.0]])

    def scores(self, weights: np.ndarray, phi: np.ndarray) -> np.ndarray:
        """Return how much speaks for each class: shape (classes,)."""
        rows = self.rows(weights)
        return -((rows - phi) ** 2).sum(axis=1) if self.rule.model == "centres" else rows @ phi

    def state(self) -> dict[str, Any]:
        """Return what this learner goes on from, as plain values."""
        recent = [[list(map(float, x)), y] for x, y in self.recent]
        counts = {"seen": self.seen, "calm_at": self.calm_at, "turn": self.turn}
        memory = {"recent": recent, "errors": self.watch.errors, **counts}
        return {"weights": list(map(float, self.weights)), "memory": memory}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.weights = np.array(state["weights"])
        memory = state["memory"]
        self.recent.extend((np.array(x), y) for x, y in memory["recent"])
        self.watch.begin(memory["errors"])
        self.seen, self.calm_at, self.turn = memory["seen"], memory["calm_at"], memory["turn"]
