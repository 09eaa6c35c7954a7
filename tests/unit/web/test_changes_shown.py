"""A change as people see it above its lines: parameters inside their ranges, a pipeline as stations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.engine.pipelines import completed, write
from improvement.engine.space import Parameter
from webapp.presenters.parameter_moves import ParameterMove, moves
from webapp.presenters.pipeline_picture import Phrase, Station, picture

RATE = Parameter("RATE", "float", 0.01, 1.0, log=True)
DEPTH = Parameter("DEPTH", "int", 1, 5)
ORDER = Parameter("ORDER", "choice", choices=("left", "middle", "right"))
OPEN = Parameter("OPEN", "bool")
LINEAR = write(completed({"model": "linear"}))
TREE = write(completed({"model": "tree", "bins": 4}))


@pytest.mark.parametrize(
    ("one", "value", "place"),
    [
        (RATE, 0.1, 0.5),
        (RATE, 7.0, 1.0),
        (RATE, 0.0, 0.0),
        (DEPTH, 2, 0.25),
        (ORDER, "right", 1.0),
        (ORDER, "up", None),
        (OPEN, True, 1.0),
        (DEPTH, None, None),
    ],
)
def test_a_value_has_a_place_on_its_parameters_own_scale(one: Parameter, value: object, place: float | None) -> None:
    assert one.place(value) == (None if place is None else pytest.approx(place))


def test_parameters_that_change_are_shown_inside_their_range() -> None:
    base = {"a.py": "RATE = 0.1\nDEPTH = 3\nORDER = 'left'\n"}
    files = {"a.py": "RATE = 0.01\nDEPTH = 3\nORDER = 'middle'\n"}
    assert moves((RATE, DEPTH, ORDER), base, files) == (
        ParameterMove("RATE", "0.1", "0.01", "0.01", "1.0", 80.0, 5.0),
        ParameterMove("ORDER", "left", "middle", "left", "right", 5.0, 80.0),
    )


def test_a_parameter_that_a_side_does_not_set_has_no_dot_there() -> None:
    (one,) = moves((DEPTH,), {"a.py": ""}, {"a.py": "DEPTH = 5"})
    assert (one.old, one.old_at, one.new_at) == ("–", None, 155.0)


def test_a_pipeline_is_told_station_by_station_with_what_only_one_side_has() -> None:
    shown = picture({"pipeline.toml": LINEAR}, {"pipeline.toml": TREE})
    assert shown is not None
    assert (
        [one.title for one in shown.before] == [one.title for one in shown.after] == ["Features", "Preprocess", "Model"]
    )
    assert [one.changed for one in shown.after] == [True, False, True]
    assert shown.after[0].phrases[0] == Phrase("numbers also in 4 bins", marked=True)
    assert [phrase.text for phrase in shown.before[2].phrases if phrase.marked] == [
        "linear",
        "ridge penalty",
        "penalty strength 1",
    ]


def test_a_station_at_which_nothing_is_done_any_more_stays_in_the_picture() -> None:
    base = {"pipeline.toml": write(completed({"model": "linear", "variance": 0.9}))}
    shown = picture(base, {"pipeline.toml": LINEAR})
    assert shown is not None
    assert Station("Select", (), changed=True) in shown.after


@pytest.mark.parametrize("files", [{}, {"pipeline.toml": LINEAR}, {"pipeline.toml": "[model"}])
def test_what_is_no_change_of_a_pipeline_has_no_picture(files: dict[str, str]) -> None:
    assert picture({"pipeline.toml": LINEAR}, files) is None


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_every_dot_lies_inside_the_bar(old: float, new: float) -> None:
    for move in moves((RATE,), {"a.py": f"RATE = {old!r}"}, {"a.py": f"RATE = {new!r}"}):
        assert all(place is not None and 5.0 <= place <= 155.0 for place in (move.old_at, move.new_at))
