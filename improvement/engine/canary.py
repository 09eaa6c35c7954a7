"""A canary: the program that a run started from, measured again now and then, whose score is known.

Where programs share a process with their scoring, a score that drifts says that something in this installation is no
longer what it was: the evaluator, a library, the machine. Then nothing that is measured can be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from improvement.engine.manifest import Manifest, Metric

BASELINES = 3  # measured before the first candidate, beside the start itself: they tell how noisy the target is
EVERY = 50  # evaluations between canaries
LOOSE = 3.0  # a noisy canary may lie outside of what was seen by so many times the width of that


@dataclass(frozen=True, slots=True)
class Sung:
    """One answered canary: how many evaluations the run had made, and its score (None: it failed)."""

    evaluations: int
    score: float | None


def needs_canaries(manifest: Manifest) -> bool:
    """Tell whether a target's programs share a process with their scoring."""
    return manifest.evaluate.isolation == "cooperative"


def due(sung: Sequence[Sung], evaluations: int, *, nominating: bool) -> int:
    """Return how many canaries are to be measured now: the baselines, then one now and then and at a nomination."""
    if len(sung) < BASELINES:
        return BASELINES - len(sung)
    since = evaluations - sung[-1].evaluations
    return int(since >= EVERY or (nominating and since > 0))


def what_is_wrong(metric: Metric, start: float, sung: Sequence[Sung]) -> str:
    """Say what the last canary did that differs from what is known, or nothing.

    Equal baselines make a target deterministic: then every difference counts.
    """
    wrong, known = "", [start]
    for number, one in enumerate(sung):
        if one.score is None:
            wrong = "could not be measured any more"
        elif number >= BASELINES and _is_outside(known, one.score, metric.epsilon):
            usual = f"{known[0]:.10g}" if min(known) == max(known) else f"{min(known):.6g} to {max(known):.6g}"
            wrong = f"scored {one.score:.10g} instead of {usual}"
        else:
            wrong = ""
            known.append(one.score)
    return wrong


def _is_outside(known: Sequence[float], score: float, epsilon: float) -> bool:
    low, high = min(known), max(known)
    if low == high:
        return score != low
    allowed = max(LOOSE * (high - low), epsilon)
    return not low - allowed <= score <= high + allowed
