"""The budget: what may still start, with everything in flight counted as used."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.engine.budget import Budget, Spent
from improvement.exceptions import Invalid


@pytest.mark.parametrize(("evaluations", "allowance"), [(1, 64), (128, 64), (300, 150), (2000, 1000)])
def test_of_default_allowance(evaluations: int, allowance: int) -> None:
    assert Budget.of(evaluations) == Budget(evaluations, None, allowance)


def test_may_start_counts_those_in_flight() -> None:
    budget = Budget.of(10)
    assert budget.may_start(Spent(measured=4, in_flight=3)) == 3
    assert budget.may_start(Spent(measured=9, in_flight=3)) == 0


def test_seconds_used_up_starts_nothing() -> None:
    budget = Budget.of(10, seconds=5.0)
    assert budget.may_start(Spent(seconds=4.9)) == 10
    assert budget.may_start(Spent(seconds=5.0)) == 0
    assert budget.progress(Spent(measured=1, seconds=2.5)) == 0.5


def test_allowance_left_never_negative() -> None:
    assert Budget.of(10, allowance=5).allowance_left(Spent(confirming=7)) == 0
    assert Budget.of(10, allowance=5).allowance_left(Spent(confirming=2)) == 3


@settings(deadline=None)
@given(st.integers(1, 500), st.lists(st.integers(0, 20), max_size=60))
def test_may_start_never_overspends(evaluations: int, wishes: list[int]) -> None:
    budget, measured = Budget.of(evaluations), 0
    for wish in wishes:
        measured += min(wish, budget.may_start(Spent(measured=measured)))
    assert measured <= evaluations


@pytest.mark.parametrize(
    "bad", [{"evaluations": 0}, {"evaluations": 5, "seconds": 0.0}, {"evaluations": 5, "seconds": float("nan")}]
)
def test_of_nonsense_refused(bad: dict[str, float]) -> None:
    with pytest.raises(Invalid, match="budget"):
        Budget.of(**bad)  # type: ignore[arg-type]
