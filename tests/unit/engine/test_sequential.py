"""Sequential confirmation stops early where it may, keeps its error rate and says what comes next."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from improvement.engine.sequential import ALPHA, FIRST, LAST, PLAN, Look, look_after, next_look
from improvement.engine.statistics import compare
from improvement.exceptions import Invalid


def test_the_error_that_is_spent_adds_up() -> None:
    assert math.isclose(sum(look.alpha for look in PLAN), ALPHA)
    assert all(before.pairs < after.pairs for before, after in pairwise(PLAN))


def test_a_clear_loser_ends_at_the_first_look() -> None:
    assert _goes_on([-1.0, 0.2, -0.9, 0.1, -0.8, -1.3, 1.0, -1.1]) is None


def test_a_close_call_goes_on_to_the_next_look() -> None:
    assert _goes_on([1.0, -0.6, 0.9, -0.1, 0.8, -0.7, 1.0, 0.1]) == PLAN[1]


def test_identical_differences_have_nothing_more_to_tell() -> None:
    assert _goes_on([0.0] * 8) is None


def test_the_last_look_ends_it() -> None:
    gentle = np.random.default_rng(1).normal(0.1, 1.0, size=LAST.pairs).tolist()

    assert next_look(LAST, compare(gentle, level=LAST.level)) is None


@pytest.mark.parametrize("pairs", [2, 7, 9, LAST.pairs + 1])
def test_only_planned_looks_are_taken(pairs: int) -> None:
    with pytest.raises(Invalid, match="8, 12, 16, 24, 40"):
        look_after(pairs)


def test_changes_that_do_nothing_are_seldom_confirmed_and_real_ones_nearly_always() -> None:
    generator = np.random.default_rng(5)

    idle = sum(_confirmed(generator, 0.0) for _ in range(150))
    real = sum(_confirmed(generator, math.sqrt(2.0)) for _ in range(60))

    assert idle <= 150 * ALPHA + 3 * math.sqrt(150 * ALPHA * (1 - ALPHA))
    assert real >= 54


def _goes_on(differences: list[float]) -> Look | None:
    look = look_after(len(differences))
    comparison = compare(differences, level=look.level)
    assert comparison.low <= 0
    return next_look(look, comparison)


def _confirmed(generator: np.random.Generator, effect: float) -> bool:
    differences = (generator.normal(size=LAST.pairs) + effect - generator.normal(size=LAST.pairs)).tolist()
    look: Look | None = FIRST
    while look:
        comparison = compare(differences[: look.pairs], level=look.level)
        if comparison.low > 0:
            return True
        look = next_look(look, comparison)
    return False
