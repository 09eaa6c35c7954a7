"""The interval holds its level with few seeds, and says so when there is nothing to build it from."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from improvement.engine.statistics import compare, paired_differences
from improvement.exceptions import Invalid

SEEDS = 8
TRIALS = 3000

Draw = Callable[[np.random.Generator, int], np.ndarray]


def _normal(generator: np.random.Generator, n: int) -> np.ndarray:
    return generator.normal(size=n)


def _skewed_arms(generator: np.random.Generator, n: int) -> np.ndarray:
    return generator.exponential(size=n) - generator.exponential(size=n)


def _skewed_differences(generator: np.random.Generator, n: int) -> np.ndarray:
    return generator.gamma(2.0, size=n) - 2.0


def _skewed_to_the_left(generator: np.random.Generator, n: int) -> np.ndarray:
    return 2.0 - generator.gamma(2.0, size=n)


def _heavy_tailed(generator: np.random.Generator, n: int) -> np.ndarray:
    return generator.standard_t(3, size=n)


def _no_variance(generator: np.random.Generator, n: int) -> np.ndarray:
    return generator.standard_cauchy(size=n)


def _coverage(
    draw: Draw, interval: Callable[[np.ndarray], tuple[float, float]], n: int = SEEDS, trials: int = TRIALS
) -> float:
    """How often the interval covers a true difference of 5, over fixed draws."""
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(trials):
        low, high = interval(5.0 + draw(generator, n))
        covered += low <= 5.0 <= high
    return covered / trials


def _ours(values: np.ndarray) -> tuple[float, float]:
    comparison = compare(values.tolist())
    return comparison.low, comparison.high


def _percentile_bootstrap(values: np.ndarray) -> tuple[float, float]:
    picked = np.random.default_rng(3).integers(0, len(values), size=(1000, len(values)))
    low, high = np.percentile(values[picked].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


@pytest.mark.parametrize(
    ("draw", "least"),
    [
        (_normal, 0.93),
        (_skewed_arms, 0.92),
        (_skewed_differences, 0.92),
        (_skewed_to_the_left, 0.92),
        (_heavy_tailed, 0.92),
        (_no_variance, 0.92),
    ],
)
def test_compare_eight_seeds_covers_the_truth(draw: Draw, least: float) -> None:
    assert least <= _coverage(draw, _ours) <= 0.985


def test_percentile_bootstrap_fails_the_same_bar() -> None:
    assert _coverage(_normal, _percentile_bootstrap) < 0.90


@pytest.mark.parametrize("n", [3, 5, 6, 12, 13, 30])
def test_compare_other_sizes_cover_the_truth(n: int) -> None:
    assert 0.93 <= _coverage(_normal, _ours, n, trials=600) <= 0.98


def test_compare_no_effect_is_rarely_called_better() -> None:
    generator = np.random.default_rng(5)
    better = sum(compare(generator.normal(size=SEEDS).tolist()).low > 0 for _ in range(TRIALS))
    assert better / TRIALS <= 0.03


def test_compare_eight_pairs_equals_enumeration() -> None:
    values = [0.3, -0.1, 0.8, 0.45, 0.2, 1.1, -0.35, 0.6]
    subsets = itertools.chain.from_iterable(itertools.combinations(values, size) for size in range(1, 9))
    means = sorted(math.fsum(subset) / len(subset) for subset in subsets)
    flips = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in itertools.product((1, -1), repeat=8)
    ]
    comparison = compare(values)
    assert comparison.method == "sign-flip"
    assert comparison.n == 8
    assert comparison.low == pytest.approx(means[5])
    assert comparison.high == pytest.approx(means[-6])
    assert comparison.p_value == pytest.approx(sum(flip >= abs(sum(values)) - 1e-9 for flip in flips) / 256)


def test_compare_few_pairs_equals_student() -> None:
    values = [0.5, 0.9, 0.7, 1.4]
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    comparison = compare(values)
    assert comparison.method == "t"
    assert (comparison.low, comparison.high) == pytest.approx((interval.low, interval.high))
    assert comparison.p_value == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue)


def test_compare_identical_differences_is_exact() -> None:
    comparison = compare([0.25] * 8)
    assert (comparison.method, comparison.mean, comparison.low, comparison.high) == ("exact", 0.25, 0.25, 0.25)
    assert comparison.p_value is None


def test_compare_rounding_noise_is_exact() -> None:
    assert compare([0.1 + 0.2 - 0.3, 0.0, 0.0]).method == "exact"


def test_compare_one_lucky_seed_is_not_better() -> None:
    assert compare([0.0] * 7 + [5.0]).low <= 0.0


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=14))
def test_compare_any_differences_ordered_and_mirrored(values: list[float]) -> None:
    ours, mirrored = compare(values), compare([-value for value in values])
    slack = 1e-9 * max(1.0, *(abs(value) for value in values))
    assert ours.low - slack <= ours.mean <= ours.high + slack
    assert mirrored.low == pytest.approx(-ours.high, abs=slack)
    assert mirrored.high == pytest.approx(-ours.low, abs=slack)


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=6, max_size=12))
def test_compare_interval_and_p_value_agree(values: list[float]) -> None:
    comparison = compare(values)
    if comparison.method == "sign-flip" and comparison.low > 1e-6:
        assert comparison.p_value is not None
        assert comparison.p_value <= 0.05


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [1.0, math.inf]])
def test_compare_unusable_values_refused(values: list[float]) -> None:
    with pytest.raises(Invalid):
        compare(values)


def test_paired_differences_lower_is_better_turned_round() -> None:
    assert paired_differences([1.0, 2.0], [3.0, 1.0], sign=-1.0) == (2.0, -1.0)
    with pytest.raises(Invalid, match="pairs"):
        paired_differences([1.0], [1.0, 2.0], sign=1.0)


def test_import_does_not_load_numpy() -> None:
    code = "import sys, improvement.engine.statistics; sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
