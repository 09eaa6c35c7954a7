"""Rates the same player against other opponents, over longer openings, which the loop never sees."""

from __future__ import annotations

from typing import Any

from countersign import CandidateFailed
from ladder import HOLDOUT
from match import Book, RuleBroken
from referee import judge

PLIES = 7


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return the rating over openings of this case and seed, against the opponents of the holdout."""
    try:
        return judge(candidate, HOLDOUT, Book(f"holdout {seed} {case}", PLIES))
    except RuleBroken as broken:
        raise CandidateFailed(str(broken)) from broken
