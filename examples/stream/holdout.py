"""Other segments under other drifts, which the loop never sees."""

from __future__ import annotations

from typing import Any

from evaluator import scored

STREAMS = ("abrupt", "gradual", "returning")


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return how the rule did on the case's stream: each of the three in turn."""
    return scored(candidate, STREAMS[case % len(STREAMS)], f"{seed} {case}")
