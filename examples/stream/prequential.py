"""Prequential evaluation with delayed labels: predict each observation first, learn from it when its label arrives.

Gama, Sebastião and Rodrigues, "On evaluating stream learning algorithms" (Machine Learning, 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from learning import Learner
from stream import Stream

DELAY = 20
"""Observations between an observation and its label."""
WARM_UP = 100
"""Predictions at the beginning that do not count."""
AFTER = 150
"""Predictions after a drift that count as after it."""
WINDOW, GOOD = 60, 0.75
"""A rule has recovered from a drift when this share of its last WINDOW predictions was right."""


@dataclass(frozen=True)
class Report:
    """How a rule did on a stream: which predictions were right, and where it saw drifts."""

    right: np.ndarray
    stream: Stream
    classes: int
    seen_drifts: tuple[int, ...]
    work: float
    largest_update: float

    @property
    def accuracy(self) -> float:
        """Share of right predictions after the warm-up, in per cent."""
        return 100.0 * float(self.right[WARM_UP:].mean())

    @property
    def balanced(self) -> float:
        """Mean over the classes of their share of right predictions, in per cent."""
        right, y = self.right[WARM_UP:], self.stream.y[WARM_UP:]
        return 100.0 * float(np.mean([right[y == kind].mean() for kind in range(self.classes) if (y == kind).any()]))

    @property
    def after_drift(self) -> float:
        """Share of right predictions among the AFTER ones that follow each drift, in per cent."""
        parts = [self.right[begin : begin + AFTER] for begin in self.stream.drifts]
        return 100.0 * float(np.concatenate(parts).mean()) if parts else self.accuracy

    @property
    def recovery(self) -> float:
        """Observations from a drift until the rule has recovered, on average; to the next drift if it never does."""
        ends = [*self.stream.drifts[1:], len(self.right)]
        waits = [self._recovery(begin, end) for begin, end in zip(self.stream.drifts, ends, strict=True)]
        return float(np.mean(waits)) if waits else 0.0

    def _recovery(self, begin: int, end: int) -> int:
        for at in range(begin + WINDOW, end):
            if self.right[at - WINDOW : at].mean() >= GOOD:
                return at - begin
        return end - begin


def run(learner: Learner, stream: Stream) -> Report:
    """Let a learner predict a whole stream, and learn each label DELAY observations later."""
    answers: list[int] = []
    drifts: list[int] = []
    for now, x in enumerate(stream.x):
        answers.append(learner.predict(x))
        labelled = now - DELAY
        if labelled >= 0:
            y = int(stream.y[labelled])
            if learner.learn(stream.x[labelled], y, wrong=answers[labelled] != y):
                drifts.append(now)
    right = np.array(answers) == stream.y
    work = learner.work / len(answers)
    return Report(right, stream, learner.classes, tuple(drifts), work, learner.largest_update)
