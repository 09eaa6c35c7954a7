"""Seeds: stable for ever, separate per purpose, unforeseeable without the key."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.engine.seeds import (
    confirm_seeds,
    derive,
    holdout_seed,
    measure_seed,
    offline_key,
    strategy_seed,
)

KEY = b"k" * 32


def test_derive_known_values_never_change() -> None:
    assert derive(b"key", "a", 1) == 743968476
    assert (measure_seed(1), strategy_seed(1)) == (1212345477, 1845394913)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=64), st.lists(st.one_of(st.text(), st.integers()), max_size=4))
def test_derive_any_parts_in_range(key: bytes, parts: list[str | int]) -> None:
    assert 0 <= derive(key, *parts) < 2**31
    assert derive(key, *parts) == derive(key, *parts)


def test_derive_parts_are_not_run_together() -> None:
    spellings = [("ab", "c"), ("a", "bc"), ("abc",), ("a", "b", "c"), (1, 2), (12,), ("1", "2"), ("12",)]
    assert len({derive(KEY, *parts) for parts in spellings}) == len(spellings)


def test_run_seeds_differ_by_run_and_purpose() -> None:
    seeds = [purpose(run) for run in range(200) for purpose in (measure_seed, strategy_seed)]
    assert len(set(seeds)) == len(seeds)
    assert offline_key(1) != offline_key(2)
    assert offline_key(1) == offline_key(1)


def test_confirm_seeds_distinct_and_own_per_candidate_and_key() -> None:
    mine = confirm_seeds(KEY, "a" * 64, 500)
    assert len(set(mine)) == 500
    assert mine[:8] == confirm_seeds(KEY, "a" * 64, 8)
    assert not set(mine) & set(confirm_seeds(KEY, "b" * 64, 8))
    assert not set(mine) & set(confirm_seeds(b"other key", "a" * 64, 8))


def test_holdout_seed_differs_from_confirm_seeds() -> None:
    holdout = {holdout_seed(KEY, "a" * 64, case) for case in range(100)}
    assert len(holdout) == 100
    assert not holdout & set(confirm_seeds(KEY, "a" * 64, 100))
