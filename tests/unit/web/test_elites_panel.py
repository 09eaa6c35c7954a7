"""The map of the best of every kind: which candidate holds a cell, and what is drawn of many cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from improvement.engine.features import Feature
from improvement.selectors.insights import Placed
from webapp.presenters.panels import elites
from webapp.presenters.panels.parts import Heat, HeatCell

LENGTH, LOOPS = Feature("program_length", 0.0, 100.0, 4), Feature("loops", 0.0, 3.0, 3)


def _placed(number: int, score: float, length: float, loops: float) -> Placed:
    return Placed(number, score, {"program_length": length, "loops": loops})


FOUND = [
    _placed(1, 1.0, 10.0, 0.0),
    _placed(2, 3.0, 20.0, 0.5),
    _placed(3, 3.0, 24.9, 0.9),
    _placed(4, 2.0, 250.0, 2.0),
    Placed(5, 9.0, {"program_length": 1.0}),
    _placed(6, 9.0, 1.0, float("nan")),
]


def _heat(features: tuple[Feature, ...], found: list[Placed], sign: float = 1.0) -> Heat:
    panel = elites.panel(features, found, metric="score", sign=sign, champion=4)
    assert panel is not None
    assert panel.heat is not None
    return panel.heat


def test_a_cell_holds_the_first_of_the_best_and_what_lies_beyond_belongs_to_the_ends() -> None:
    heat = _heat((LENGTH, LOOPS), FOUND)
    assert (heat.across, heat.up, heat.edges) == ("program_length", "loops", ("0", "25", "50", "75"))
    assert [row.edge for row in heat.rows] == ["2", "1", "0"]
    assert heat.rows[0].cells == (None, None, None, HeatCell(4, "2.0000", 0, is_champion=True))
    assert heat.rows[2].cells == (HeatCell(2, "3.0000", 9, is_champion=False), None, None, None)


def test_lower_is_better_where_the_target_says_so() -> None:
    assert _heat((LENGTH, LOOPS), FOUND, sign=-1.0).rows[2].cells[0] == HeatCell(1, "1.0000", 0, is_champion=False)


def test_one_feature_makes_one_row() -> None:
    heat = _heat((LENGTH,), FOUND)
    assert (heat.up, len(heat.rows), heat.rows[0].edge) == ("", 1, "")


def test_one_kind_alone_is_no_map() -> None:
    assert elites.panel((LENGTH, LOOPS), FOUND[:3], metric="score", sign=1.0, champion=None) is None
    assert elites.rows((LENGTH, LOOPS), FOUND[:3], metric="score", sign=1.0) == ()


def test_the_download_has_the_best_of_each_kind() -> None:
    assert elites.rows((LENGTH, LOOPS), FOUND, metric="score", sign=1.0) == (
        ("candidate", "score", "program_length", "loops"),
        ("C-2", 3.0, 20.0, 0.5),
        ("C-4", 2.0, 250.0, 2.0),
    )


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(-9, 120)), min_size=2, max_size=60), st.integers(2, 100))
def test_the_best_of_all_is_always_drawn(found: list[tuple[float, float]], cells: int) -> None:
    rows = [Placed(number, score, {"x": place}) for number, (score, place) in enumerate(found)]
    panel = elites.panel((Feature("x", 0.0, 100.0, cells),), rows, metric="score", sign=1.0, champion=None)
    if panel is not None and panel.heat is not None:
        drawn = [cell for cell in panel.heat.rows[0].cells if cell]
        assert len(panel.heat.rows[0].cells) <= elites.MOST_DRAWN
        best = max(score for score, _ in found)
        assert any(rows[cell.candidate].score == best for cell in drawn)
        assert all(0 <= cell.shade < elites.SHADES for cell in drawn)
