"""Sequential confirmation stops early where it may, keeps its error rate and says what comes next."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.engine.sequential import ALPHA, MOST_PAIRS, PLAN, Ruling, judge
from improvement.exceptions import Invalid


def test_the_error_that_is_spent_adds_up() -> None:
    assert math.isclose(sum(look.alpha for look in PLAN), ALPHA)


def test_a_clear_winner_needs_only_the_first_look() -> None:
    judgement = judge([1.0, 1.2, 0.9, 1.1, 0.8, 1.3, 1.0, 1.1])

    assert judgement.ruling is Ruling.BETTER
    assert judgement.comparison.low > 0.8


def test_a_clear_loser_needs_only_the_first_look() -> None:
    assert judge([-1.0, 0.2, -0.9, 0.1, -0.8, -1.3, 1.0, -1.1]).ruling is Ruling.NOT_BETTER


def test_a_close_call_goes_on_to_the_next_look() -> None:
    judgement = judge([1.0, -0.6, 0.9, -0.1, 0.8, -0.7, 1.0, 0.1])

    assert (judgement.ruling, judgement.next_pairs) == (Ruling.GO_ON, PLAN[1].pairs)


def test_identical_differences_are_decided_at_once() -> None:
    assert judge([0.5] * 8).ruling is Ruling.BETTER
    assert judge([0.0] * 8).ruling is Ruling.NOT_BETTER


def test_what_lies_within_epsilon_is_not_better() -> None:
    assert judge([0.5] * 8, epsilon=0.6).ruling is Ruling.NOT_BETTER
    assert judge([1.0, 1.2, 0.9, 1.1, 0.8, 1.3, 1.0, 1.1], epsilon=1.5).ruling is not Ruling.BETTER


@pytest.mark.parametrize("pairs", [2, 7, 9, MOST_PAIRS + 1])
def test_only_planned_looks_are_taken(pairs: int) -> None:
    with pytest.raises(Invalid, match="8, 12, 16, 24, 40"):
        judge([1.0] * pairs)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_last_look_always_ends_it(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(size=MOST_PAIRS).tolist()

    assert judge(differences).ruling is not Ruling.GO_ON


def test_changes_that_do_nothing_are_seldom_confirmed_and_real_ones_nearly_always() -> None:
    generator = np.random.default_rng(5)

    idle = sum(_confirmed(generator, 0.0) for _ in range(150))
    real = sum(_confirmed(generator, math.sqrt(2.0)) for _ in range(60))

    assert idle <= 150 * ALPHA + 3 * math.sqrt(150 * ALPHA * (1 - ALPHA))
    assert real >= 54


def _confirmed(generator: np.random.Generator, effect: float) -> bool:
    differences = (generator.normal(size=MOST_PAIRS) + effect - generator.normal(size=MOST_PAIRS)).tolist()
    for look in PLAN:
        judgement = judge(differences[: look.pairs])
        if judgement.ruling is not Ruling.GO_ON:
            return judgement.ruling is Ruling.BETTER
    raise AssertionError("the last look left it open")
