"""The budget: what may still start, with everything in flight counted as used."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.engine.budget import WARN_AT, Budget, Limit, Spent, Use, amount
from improvement.exceptions import Invalid


@pytest.mark.parametrize(("evaluations", "allowance"), [(1, 64), (128, 64), (300, 150), (2000, 1000)])
def test_of_default_allowance(evaluations: int, allowance: int) -> None:
    assert Budget.of(evaluations) == Budget(evaluations, None, allowance)


def test_may_start_counts_those_in_flight() -> None:
    budget = Budget.of(10)
    assert budget.may_start(Spent(measured=4, in_flight=3)) == 3
    assert budget.may_start(Spent(measured=9, in_flight=3)) == 0


@pytest.mark.parametrize(
    ("budget", "below", "at"),
    [
        (Budget.of(10, seconds=5.0), Spent(seconds=4.9), Spent(seconds=5.0)),
        (Budget.of(10, cpu_seconds=5.0), Spent(cpu_seconds=4.9), Spent(cpu_seconds=6.0)),
        (Budget.of(10, tokens=500), Spent(tokens=499), Spent(tokens=500)),
        (Budget.of(10, microusd=500), Spent(microusd=499), Spent(microusd=500)),
    ],
)
def test_a_limit_ends_a_run_and_never_shrinks_a_generation(budget: Budget, below: Spent, at: Spent) -> None:
    assert (budget.may_start(below), budget.may_start(at)) == (10, 0)


def test_progress_knows_no_clock() -> None:
    budget = Budget.of(10, seconds=5.0, cpu_seconds=5.0)
    assert budget.progress(Spent(measured=1, seconds=4.5, cpu_seconds=4.9)) == 0.1


def test_uses_tell_every_limit_that_is_set() -> None:
    budget = Budget.of(10, cpu_seconds=100.0, microusd=500_000)
    uses = budget.uses(Spent(measured=4, in_flight=4, seconds=9.0, cpu_seconds=83.2, tokens=9, microusd=420_000))
    assert uses == (
        Use(Limit.EVALUATIONS, 8, 10),
        Use(Limit.CPU_SECONDS, 83.2, 100.0),
        Use(Limit.MICROUSD, 420_000, 500_000),
    )
    assert [use.words for use in uses] == ["8 of 10 evaluations", "83 of 100 CPU seconds", "$0.42 of $0.50"]
    assert [use.share >= WARN_AT for use in uses] == [True, True, True]


def test_why_spent_names_the_limit_that_ends_the_run() -> None:
    budget = Budget.of(10, seconds=60.0, microusd=1_250_000)
    assert budget.why_spent(Spent(measured=10)) == "the budget of 10 evaluations is spent"
    assert budget.why_spent(Spent(seconds=61.0, microusd=2_000_000)) == ("the budget of 60 seconds and $1.25 is spent")


def test_amounts_read_like_words() -> None:
    said = [amount(limit, 1) for limit in Limit]
    assert said == ["1 evaluation", "1 second", "1 CPU second", "1 token", "$0.000001"]
    assert amount(Limit.TOKENS, 1_500_000) == "1,500,000 tokens"


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
    "bad",
    [
        {"evaluations": 0},
        {"evaluations": 1_000_001},
        {"evaluations": 5, "seconds": 0.0},
        {"evaluations": 5, "seconds": float("nan")},
        {"evaluations": 5, "cpu_seconds": -1.0},
        {"evaluations": 5, "tokens": 0},
        {"evaluations": 5, "microusd": 10**13},
    ],
)
def test_of_nonsense_refused(bad: dict[str, float]) -> None:
    with pytest.raises(Invalid, match=r"^The budget is .* choose "):
        Budget.of(**bad)  # type: ignore[arg-type]
