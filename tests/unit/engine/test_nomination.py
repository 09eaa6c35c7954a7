"""Nomination: only what beats everything known, one at a time, and never the last of the allowance too early."""

from __future__ import annotations

from dataclasses import replace

import pytest

from improvement.engine.budget import Budget, Spent
from improvement.engine.manifest import Metric
from improvement.engine.nomination import Measured, Situation, bar, choose, is_beyond_bound, nominate

HIGHER = Metric("score", "higher", epsilon=0.1, bound=10.0)
LOWER = Metric("loss", "lower", epsilon=0.1, bound=0.0)

NOW = Situation(
    champion=1.0,
    best_confirmed=None,
    best_open_review=None,
    generation=3,
    nominated_at=None,
    confirming=False,
    open_reviews=0,
    budget=Budget.of(100),
    spent=Spent(measured=24),
    needed=16,
    ending=False,
)
GOOD = [Measured(0, 0.9), Measured(1, 2.0), Measured(2, 2.0), Measured(3, 1.5)]


def test_bar_is_above_the_best_known() -> None:
    assert bar(HIGHER, 1.0, None, None) == pytest.approx(1.1)
    assert bar(HIGHER, 1.0, 3.0, 2.0) == pytest.approx(3.1)
    assert bar(LOWER, 1.0, 3.0, 0.5) == pytest.approx(0.4)


def test_choose_best_then_earliest() -> None:
    assert choose(HIGHER, GOOD, 1.1) == 1
    assert choose(LOWER, GOOD, 1.0) == 0
    assert choose(HIGHER, GOOD, 2.0) is None


def test_choose_leaves_out_what_is_too_good_to_be_true() -> None:
    assert choose(HIGHER, [Measured(0, 11.0), Measured(1, 2.0)], 1.1) == 1
    assert is_beyond_bound(HIGHER, 10.2)
    assert not is_beyond_bound(HIGHER, 10.05)
    assert is_beyond_bound(LOWER, -0.2)
    assert not is_beyond_bound(Metric("score", "higher"), 1e300)


def test_nominate_large_gain_at_once() -> None:
    assert nominate(HIGHER, GOOD, replace(NOW, generation=1)).number == 1


def test_nominate_small_gain_waits_for_patience() -> None:
    small = [Measured(7, 1.101)]
    assert nominate(HIGHER, small, replace(NOW, generation=2)).number is None
    assert nominate(HIGHER, small, NOW).number == 7
    assert nominate(HIGHER, small, replace(NOW, generation=5, nominated_at=3)).number is None
    assert nominate(HIGHER, small, replace(NOW, generation=6, nominated_at=3)).number == 7


def test_nominate_ending_needs_no_patience() -> None:
    assert nominate(HIGHER, [Measured(7, 1.101)], replace(NOW, generation=1, ending=True)).number == 7


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"confirming": True}, "another candidate is being confirmed"),
        ({"open_reviews": 3}, "3 reviews are open already"),
        ({"spent": Spent(measured=24, confirming=50)}, "the allowance for confirming is used up"),
        ({"spent": Spent(measured=99, confirming=40)}, "the rest of the allowance is kept for the end of the run"),
        ({"spent": Spent(measured=24, confirming=16)}, "the allowance for confirming is ahead of the run"),
        ({"champion": 2.0}, "nothing beats what is already known"),
        ({"best_open_review": 5.0}, "nothing beats what is already known"),
    ],
)
def test_nominate_obstacle_named(change: dict[str, object], why: str) -> None:
    nomination = nominate(HIGHER, GOOD, replace(NOW, **change))  # type: ignore[arg-type]
    assert (nomination.number, nomination.why) == (None, why)


def test_nominate_every_generation_leaves_the_last_confirmation() -> None:
    """A run that gets better all the time still has enough left to confirm its final candidate."""
    budget, confirmed, nominated_at, used = Budget.of(300), None, None, 0
    for generation in range(1, 39):
        now = replace(
            NOW,
            best_confirmed=confirmed,
            generation=generation,
            nominated_at=nominated_at,
            budget=budget,
            spent=Spent(measured=min(300, generation * 8), confirming=used),
            needed=26,
            ending=generation == 38,
        )
        metric = replace(HIGHER, bound=None)
        if nominate(metric, [Measured(generation, float(generation + 1))], now).number is not None:
            confirmed, nominated_at, used = float(generation + 1), generation, used + 26
    assert confirmed == 39.0
    assert used <= budget.allowance
    assert used >= 4 * 26
