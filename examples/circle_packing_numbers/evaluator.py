"""Scores a packing of 26 circles by the sum of their radii."""

from __future__ import annotations

from typing import Any

from rules import judge

CIRCLES = 26


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return the sum of radii of the candidate's 26 circles, 0.0 when they break a rule; the same for every seed."""
    verdict = judge(candidate.call("construct", CIRCLES), CIRCLES)
    return {"metrics": {"score": verdict.total}, "feedback": verdict.feedback}
