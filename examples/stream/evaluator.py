"""Scores a learning rule on a recorded stream, over which two drifts lie."""

from __future__ import annotations

from typing import Any

import rules
from learning import Learner
from prequential import Report, run
from stream import Segments, recorded


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return how the rule did on the open stream, in the order that the seed draws."""
    return scored(candidate, "open", seed)


def scored(candidate: Any, name: str, seed: int | str) -> dict[str, Any]:
    """Return the metrics of a rule that begins with nothing on a recorded stream."""
    segments = Segments()
    stream = recorded(segments, name, seed)
    learner = Learner(rules.read(candidate.call("rule")), len(segments.names), len(segments.categories))
    return result(run(learner, stream))


def result(report: Report) -> dict[str, Any]:
    """Return a report as metrics, and a line of feedback without any label in it."""
    seen = f"It saw drifts at {', '.join(map(str, report.seen_drifts))}" if report.seen_drifts else "It saw no drift"
    return {
        "metrics": {
            "accuracy": report.accuracy,
            "balanced": report.balanced,
            "after_drift": report.after_drift,
            "recovery": report.recovery,
            "work": report.work,
        },
        "feedback": f"{seen} of {len(report.stream.drifts)}; its largest update was {report.largest_update:.3f}.",
    }
