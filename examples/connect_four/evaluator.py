"""Scores a Connect Four player by its Elo rating against a ladder of fixed opponents."""

from __future__ import annotations

from typing import Any

from countersign import CandidateFailed
from ladder import LADDER
from match import Book, RuleBroken
from referee import judge

PLIES = 4


def evaluate(candidate: Any, *, seed: int, stage: str, case: int) -> dict[str, Any]:
    """Return the rating over openings of this seed, each played with both colours."""
    try:
        return judge(candidate, LADDER, Book(str(seed), PLIES))
    except RuleBroken as broken:
        raise CandidateFailed(str(broken)) from broken
