"""Asks the same function for other numbers of circles, which the loop never sees."""

from __future__ import annotations

import math
from typing import Any

from rules import judge

COUNTS = (20, 23, 28, 30, 32)
REFERENCE = 26


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return the sum of radii for the case's number of circles, scaled to what it would be worth with 26.

    The best possible sum grows with the square root of the number of circles, so the scaled figures compare.
    """
    count = COUNTS[case % len(COUNTS)]
    verdict = judge(candidate.call("construct", count), count)
    return {"metrics": {"score": verdict.total * math.sqrt(REFERENCE / count)}, "feedback": verdict.feedback}
