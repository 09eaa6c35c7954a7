"""Metrics out of a sandbox are finite numbers, and a violation blocks whatever else was said."""

from __future__ import annotations

import pytest

from improvement.engine.measurement import Outcome
from improvement.sandbox.process import Cause, Ending
from improvement.sandbox.verdict import failed, numbers, scored

FINE = Ending(Cause.DONE, 137, 0.1, 0.05, 10.0)
CAUGHT = Ending(Cause.VIOLATION, 159, 0.1, 0.05, 10.0)


def test_numbers_become_floats() -> None:
    assert numbers({"score": 1, "time": 0.5}) == {"score": 1.0, "time": 0.5}


@pytest.mark.parametrize("value", [None, True, "1", [1], float("nan"), float("inf"), 10**400])
def test_numbers_refuses_and_names(value: object) -> None:
    with pytest.raises((ValueError, TypeError), match='the metric "score" is not'):
        numbers({"score": value})


def test_a_violation_blocks_a_good_score() -> None:
    verdict = scored({"score": 9.0}, feedback="well done", log=b"", endings=[FINE, CAUGHT])
    assert (verdict.outcome, verdict.cause, dict(verdict.metrics)) == (Outcome.BLOCKED, "sandbox_violation", {})


def test_a_failure_without_violation_keeps_its_cause() -> None:
    verdict = failed("timeout", "Too slow.", endings=[FINE])
    assert (verdict.outcome, verdict.cause, verdict.message) == (Outcome.FAILED, "timeout", "Too slow.")
