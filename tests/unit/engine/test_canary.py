"""Canaries: when one is due, and which score says that something is wrong."""

from __future__ import annotations

import pytest

from improvement.engine.canary import BASELINES, EVERY, Sung, due, what_is_wrong
from improvement.engine.manifest import Metric

METRIC = Metric("score", "higher")


def _sung(*scores: float | None) -> list[Sung]:
    return [Sung(0 if index < BASELINES else index, score) for index, score in enumerate(scores)]


def test_due_first_the_baselines_then_now_and_then_and_before_a_nomination() -> None:
    baselines = _sung(1.0, 1.0, 1.0)
    assert due([], 0, nominating=False) == BASELINES
    assert due(baselines[:1], 0, nominating=False) == BASELINES - 1
    assert [due(baselines, count, nominating=False) for count in (0, 1, EVERY - 1, EVERY)] == [0, 0, 0, 1]
    assert [due(baselines, count, nominating=True) for count in (0, 1, EVERY)] == [0, 1, 1]


@pytest.mark.parametrize("last", [1.0 + 1e-12, 0.5, 99.0])
def test_what_is_wrong_any_difference_where_the_baselines_are_equal(last: float) -> None:
    assert "instead of 1" in what_is_wrong(METRIC, 1.0, _sung(1.0, 1.0, 1.0, last))
    assert what_is_wrong(METRIC, 1.0, _sung(1.0, 1.0, 1.0, 1.0)) == ""


def test_what_is_wrong_a_dead_canary_teaches_nothing() -> None:
    assert what_is_wrong(METRIC, 1.0, _sung(1.0, 1.0, 1.0, 2.0, 1.0)) == ""
    assert what_is_wrong(METRIC, 1.0, _sung(1.0, 1.0, 1.0, 2.0, 2.0)) == "scored 2 instead of 1"


def test_what_is_wrong_only_what_lies_outside_of_the_noise() -> None:
    noisy = (1.1, 0.9, 1.05)
    assert what_is_wrong(METRIC, 1.0, _sung(*noisy, 1.3)) == ""
    assert what_is_wrong(METRIC, 1.0, _sung(*noisy, 9.0)) == "scored 9 instead of 0.9 to 1.1"


def test_what_is_wrong_a_canary_that_fails() -> None:
    assert what_is_wrong(METRIC, 1.0, _sung(1.0, None)) == "could not be measured any more"


def test_what_is_wrong_nothing_before_there_is_a_canary() -> None:
    assert what_is_wrong(METRIC, 1.0, []) == ""
