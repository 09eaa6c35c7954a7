"""The charts that the server draws."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from webapp.presenters.charts import HEIGHT, WIDTH, Series, first_paint, sparkline, steps, ticks
from webapp.presenters.evidence import BAR_WIDTH, bar

finite = st.floats(-1e6, 1e6, allow_nan=False)


def test_steps_hold_each_value_until_the_next() -> None:
    assert steps([(0, 10), (5, 10), (8, 4)]) == "M0 10H5H8V4"
    assert steps([]) == ""


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.94, 2.71) == (1.0, 1.5, 2.0, 2.5)
    assert ticks(0, 1284) == (0.0, 500.0, 1000.0)


def test_first_paint_of_a_run_without_scores() -> None:
    paint = first_paint(Series(), summary="nothing yet")
    assert (paint.dots, paint.best, paint.champion) == ((), "", "")
    assert paint.up


def test_higher_scores_are_drawn_higher() -> None:
    paint = first_paint(Series(points=[(1, 1.0), (2, 2.0)]), summary="")
    (_, low), (_, high) = paint.dots
    assert high < low


@given(st.lists(st.tuples(st.integers(0, 10_000), finite), min_size=1, max_size=30))
def test_everything_is_drawn_inside_the_box(points: list[tuple[float, float]]) -> None:
    paint = first_paint(Series(points=points, champion=points, waiting=points), summary="")
    for x, y in (*paint.dots, *paint.waiting):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


@given(st.lists(st.tuples(st.integers(0, 1000), finite), max_size=20))
def test_a_sparkline_is_a_path_or_nothing(values: list[tuple[float, float]]) -> None:
    path = sparkline(values)
    assert bool(path) == bool(values)
    assert re.fullmatch(r"(M[-\d.e]+ [-\d.e]+([HV][-+\d.e]+)*)?", path)


def test_an_interval_away_from_zero_is_better_or_worse() -> None:
    better, noise, worse = (bar(mean, mean - 0.01, mean + 0.01, summary="") for mean in (0.1, 0.005, -0.1))
    assert [one.tone for one in (better, noise, worse)] == ["better", "noise", "worse"]
    assert better.zero < better.start
    assert worse.zero > worse.start + worse.width


@given(finite, st.floats(0, 100), st.floats(0, 100))
def test_an_interval_is_drawn_inside_its_box(mean: float, below: float, above: float) -> None:
    drawn = bar(mean, mean - below, mean + above, summary="")
    assert 0 <= drawn.start <= drawn.start + drawn.width <= BAR_WIDTH + 3
    assert 0 <= drawn.zero <= BAR_WIDTH
    assert drawn.start - 0.1 <= drawn.mean <= drawn.start + drawn.width + 0.1
