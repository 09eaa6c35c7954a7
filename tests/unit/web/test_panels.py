"""What stands below a run's chart, from rows as the selectors give them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from improvement.engine.fronts import front
from improvement.engine.manifest import Metric, Parameter
from improvement.selectors.insights import Tried, Weighed
from webapp.presenters.panels import curves, operators, parameters, tradeoffs
from webapp.presenters.panels.parts import Panel
from webapp.presenters.plots import HEIGHT, WIDTH, Axis, Layer, Plot, paint

SCORE = Metric("score", "higher")
SPACE = (
    Parameter("rate", "float", 0.01, 1.0, log=True),
    Parameter("depth", "int", 1, 5),
    Parameter("order", "choice", choices=("left", "middle", "right")),
    Parameter("fixed", "float", 0.0, 1.0),
)
points = st.tuples(st.floats(-9, 9), st.floats(-9, 9))


def tried(number: int, score: float | None, *, generation: int = 0, operator: str = "a") -> Tried:
    return Tried(number, generation, score, operator)


def strands(rows: Sequence[Tried], **values: Callable[[int], object]) -> Panel | None:
    """The parameters' panel of rows whose values follow from their numbers."""
    found = {row.id: {name: of(row.id) for name, of in values.items()} for row in rows}
    return parameters.panel(SPACE, parameters.choose(rows, 1.0, None), found, metric="score")


def cells(panel: Panel | None) -> tuple[tuple[str, ...], ...]:
    """What a panel's table shows, candidates by their number."""
    assert panel is not None
    return tuple(tuple(f"C-{one.candidate}" if one.candidate else one.text for one in row) for row in panel.table.rows)


@given(st.lists(points, max_size=40))
def test_the_front_is_what_nothing_dominates(found: list[tuple[float, float]]) -> None:
    kept = [found[index] for index in front(found)]
    beaten = [
        one for one in found if any(other != one and other[0] >= one[0] and other[1] >= one[1] for other in found)
    ]
    assert sorted(set(found) - set(beaten)) == kept


def test_curves_say_best_median_and_spread_of_each_generation() -> None:
    rows = [tried(n, float(n), generation=n // 5) for n in range(15)] + [tried(99, None, generation=2)]
    assert cells(curves.panel(rows, metric="loss", sign=-1.0))[0] == ("1", "0.0000", "2.0000", "0.0000", "4.0000", "5")


def test_a_short_run_has_a_tick_for_each_generation() -> None:
    for count, told in ((4, ["1", "2", "3", "4"]), (40, [])):
        panel = curves.panel([tried(n, float(n), generation=n) for n in range(count)], metric="score", sign=1.0)
        assert panel is not None
        assert panel.plot is not None
        assert [tick.label for tick in panel.plot.x.ticks] == told


def test_curves_wait_for_three_generations() -> None:
    assert curves.panel([tried(n, 1.0, generation=n) for n in range(2)], metric="score", sign=1.0) is None


def test_many_generations_are_put_together() -> None:
    panel = curves.panel([tried(n, 1.0, generation=n) for n in range(4000)], metric="score", sign=1.0)
    assert panel is not None
    assert panel.plot is not None
    assert len(panel.plot.layers[1].x) <= curves.MOST_POINTS
    assert len(panel.table.rows) <= curves.MOST_ROWS
    assert panel.table.rows[0][0].text == "1 to 160"


def test_an_operator_is_credited_with_each_new_best() -> None:
    rows = [tried(1, 3.0), tried(2, 2.0, operator="b"), tried(3, None, operator="b"), tried(4, 1.0, operator="b")]
    found = cells(operators.panel(rows, {"a": 1.0, "b": 3.0}, start=2.5, sign=-1.0))
    assert found == (("b", "3", "2", "2", "3.00 s"), ("a", "1", "1", "0", "1.00 s"))


def test_strategies_that_share_a_run_are_compared_with_their_operators_together() -> None:
    tries = [("evolution: swap", 1.0), ("llm: improve by fast", 3.0), ("evolution: literal", 2.0)]
    rows = [Tried(number, 0, score, operator) for number, (operator, score) in enumerate(tries)]
    seconds = {"evolution: swap": 1.0, "evolution: literal": 2.0, "llm: improve by fast": 1.0}
    told = operators.rows(*operators.by_strategy(rows, seconds), start=0.0, sign=1.0, of=operators.STRATEGIES)
    assert told == (
        ("strategy", "proposals", "measured", "new best", "sandbox seconds"),
        ("evolution", 2, 2, 1, 3.0),
        ("llm", 1, 1, 1, 1.0),
    )


def test_of_many_operators_the_ones_that_brought_most_are_shown() -> None:
    rows = [tried(number, float(number), operator=f"o{number % 20}") for number in range(60)]
    panel = operators.panel(rows, {}, start=None, sign=-1.0)
    assert panel is not None
    assert (len(panel.table.rows), panel.table.note) == (
        8,
        "12 further operators brought less; the download has all of them.",
    )
    assert cells(panel)[0][:4] == ("o0", "3", "3", "1")


def test_one_operator_alone_is_not_compared() -> None:
    assert operators.panel([tried(1, 1.0)], {"a": 1.0}, start=0.0, sign=1.0) is None


def test_strands_cross_each_axis_where_the_value_lies() -> None:
    rows = [tried(n, float(n)) for n in range(5)]
    panel = strands(rows, rate=lambda _: 0.1, depth=lambda n: 1 + n, order=lambda _: "middle")
    assert panel is not None
    assert panel.plot is not None
    assert [tick.label for tick in panel.plot.x.ticks] == ["depth", "score"]
    best = panel.plot.layers[-1]
    assert (best.name, list(best.y), list(best.ids)) == ("best tenth", [1.0, 1.0, None], [4, 4, 4])
    assert cells(panel)[0] == ("C-4", "4.0000", "5")


def test_a_logarithmic_parameter_and_a_choice_keep_their_scale() -> None:
    orders = ("left", "middle", "right")
    rows = [tried(n, 1.0) for n in range(6)]
    panel = strands(rows, rate=lambda n: 10.0 ** (n % 3 - 2), order=lambda n: orders[n % 3])
    assert panel is not None
    assert panel.plot is not None
    drawn = [value for layer in panel.plot.layers for value in layer.y if value is not None]
    assert set(drawn) == {0.0, 0.5, 1.0}


def test_the_front_the_guard_and_the_champion_are_drawn() -> None:
    metrics = (SCORE, Metric("cost", "lower", guard=2.0))
    rows = [Weighed(n, float(n), float(n * n)) for n in range(1, 5)]
    start = [Weighed(None, 0.5, 3.0)]
    other = tradeoffs.other_metric(metrics, "")
    assert other is metrics[1]
    panel = tradeoffs.panel(metrics, other, [*rows, Weighed(8, 1.0, 4.0)], start=start, champion=None)
    assert panel is not None
    assert panel.plot is not None
    assert [row[0] for row in cells(panel)] == ["C-4", "C-3", "C-2", "C-1"]
    by_name = {layer.name: layer for layer in panel.plot.layers}
    assert list(by_name["guard"].y) == [5.0, 5.0]
    assert list(by_name["approved champion"].x) == [0.5]


def test_the_metric_to_set_against_the_first_is_asked_for_or_the_guard() -> None:
    plain, guarded = Metric("work", "lower"), Metric("cost", "lower", guard=1.0)
    assert tradeoffs.other_metric((SCORE,), "") is None
    assert tradeoffs.other_metric((SCORE, plain), "nonsense") is plain
    assert tradeoffs.other_metric((SCORE, plain, guarded), "") is guarded
    assert tradeoffs.other_metric((SCORE, plain, guarded), "work") is plain


@given(st.lists(points, min_size=1, max_size=20))
def test_everything_is_drawn_inside_the_box(found: list[tuple[float, float]]) -> None:
    xs, ys = [x for x, _ in found], [y for _, y in found]
    drawn = paint(Plot(Axis(), Axis(), (Layer("dots", "ink", "some", xs, ys),), "some dots"))
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for layer in drawn.layers for x, y in layer.dots)


def test_a_gap_begins_a_new_strand() -> None:
    drawn = paint(
        Plot(Axis(), Axis(), (Layer("strands", "ink", "s", [0.0, 1.0, None, 0.0], [0.0, 1.0, None, 1.0]),), "")
    )
    assert drawn.layers[0].path.count("M") == 2


def test_downloads_hold_everything_unrounded() -> None:
    rows = [tried(n, n / 3, generation=n // 5, operator="ab"[n % 2]) for n in range(400)]
    values = {row.id: {"rate": row.id / 7, "depth": 2} for row in rows}
    assert len(curves.rows(rows, sign=1.0)) == 1 + 80
    assert curves.rows(rows, sign=1.0)[1] == (1, 4 / 3, 2 / 3, 0.0, 4 / 3, 5)
    assert operators.rows(rows, {"a": 1.0}, start=0.0, sign=1.0)[1:] == (
        ("b", 200, 200, 200, 0.0),
        ("a", 200, 200, 199, 1.0),
    )
    told = parameters.rows(SPACE, rows, values, metric="score", sign=-1.0)
    assert (len(told), told[0]) == (401, ("candidate", "score", "rate", "depth", "order", "fixed"))
    assert told[2] == ("C-1", 1 / 3, 1 / 7, 2, None, None)
    points = [Weighed(n, float(n), float(-n)) for n in range(60)]
    told = tradeoffs.rows(SCORE, Metric("cost", "lower"), points)
    assert (len(told), told[1], told[-1]) == (61, ("C-0", 0.0, 0.0, "no"), ("C-59", 59.0, -59.0, "yes"))


def test_there_is_nothing_to_download_where_there_is_no_panel() -> None:
    rows = [tried(1, 1.0)]
    assert curves.rows(rows, sign=1.0) == ()
    assert operators.rows(rows, {}, start=0.0, sign=1.0) == ()
    assert parameters.rows(SPACE, rows, {1: {}}, metric="score", sign=1.0) == ()
    assert tradeoffs.rows(SCORE, Metric("cost", "lower"), []) == ()
