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


@pytest.mark.parametrize("name", ["a\0b", "red \x1b[31m", "\u202escore", "line\nbreak", "x" * 201])
def test_a_name_that_cannot_be_kept_or_shown_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a metric has a name that cannot be shown"):
        numbers({"score": 1, name: 2})


def test_too_many_metrics_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 1000 metrics"):
        numbers({str(number): 1 for number in range(1001)})


def test_a_violation_blocks_a_good_score() -> None:
    verdict = scored({"score": 9.0}, feedback="well done", log=b"", endings=[FINE, CAUGHT])
    assert (verdict.outcome, verdict.cause, dict(verdict.metrics)) == (Outcome.BLOCKED, "sandbox_violation", {})


def test_a_failure_without_violation_keeps_its_cause() -> None:
    verdict = failed("timeout", "Too slow.", endings=[FINE])
    assert (verdict.outcome, verdict.cause, verdict.message) == (Outcome.FAILED, "timeout", "Too slow.")
