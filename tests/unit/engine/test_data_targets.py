"""A table becomes a target: what is found out about its columns, what is said about them, and what is refused."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence

import pytest

from improvement.engine.columns import read_column
from improvement.engine.csv_tables import CsvTable, read_csv
from improvement.engine.data_targets import Asked, DataTarget, data_target
from improvement.engine.manifest import check_tree, parse_manifest
from improvement.engine.pipelines import parse
from improvement.exceptions import TargetError

ROWS = 80


def _table(**columns: Sequence[object]) -> CsvTable:
    rows = zip(*([str(cell) for cell in cells] for cells in columns.values()), strict=True)
    return CsvTable(tuple(columns), tuple(rows))


def _flowers() -> dict[str, list[object]]:
    chance = random.Random(1)
    return {
        "id": list(range(1, ROWS + 1)),
        "length": [round(chance.gauss(3, 1), 3) for _ in range(ROWS)],
        "colour": [chance.choice(["red", "blue", ""]) for _ in range(ROWS)],
        "seen": [f"2024-0{1 + row % 9}-11" for row in range(ROWS)],
        "planet": ["earth"] * ROWS,
        "kind": ["rose" if row % 3 else "tulip" for row in range(ROWS)],
    }


def _made(columns: dict[str, list[object]], asked: Asked) -> DataTarget:
    return data_target(_table(**columns), asked, name="flowers", where="flowers.csv")


def _metric(made: DataTarget) -> str:
    return parse_manifest(made.tree["countersign.toml"].decode()).primary.name


def test_table_becomes_a_whole_target() -> None:
    made = _made(_flowers(), Asked("kind", groups=("colour",)))
    manifest = parse_manifest(made.tree["countersign.toml"].decode())
    check_tree(manifest, made.tree)
    assert (manifest.kind, manifest.primary.name, manifest.primary.better) == ("pipeline", "roc_auc", "higher")
    assert {one.name for one in manifest.metrics if one.guard is not None} == {
        "group_gap",
        "calibration_error",
        "row_work",
        "size",
        "fitting_work",
    }
    told = tomllib.loads(made.tree["columns.toml"].decode())
    assert told["columns"] == {"length": "number", "colour": "category", "seen": "date"}
    assert (told["classes"], told["groups"]) == (["rose", "tulip"], ["colour"])
    assert parse(made.tree["pipeline.toml"].decode())["model"] == "linear"


def test_rows_are_divided_by_class_and_none_is_in_both_parts() -> None:
    made = _made(_flowers(), Asked("kind", holdout=0.25))
    seen, held = (made.tree[name].decode().splitlines()[1:] for name in ("rows.csv", "holdout.csv"))
    assert (len(seen), len(held)) == (60, 20)
    assert not set(seen) & set(held)
    assert sum(row.endswith("tulip") for row in held) == 7


def test_what_a_person_should_know_is_said() -> None:
    columns = _flowers() | {"petals": [5 if kind == "rose" else 6 for kind in _flowers()["kind"]]}
    said = _made(columns, Asked("kind")).warnings
    assert "id is different in every row, as a number or name of the row would be: it was left out." in said
    assert "planet is the same in every row: it was left out." in said
    assert "petals alone tells kind: leave that column out unless it is known before." in said
    assert any(line.startswith("colour is missing in ") for line in said)


def test_numbers_are_predicted_as_numbers_unless_they_are_few() -> None:
    made = _made(_flowers(), Asked("length"))
    assert _metric(made) == "rmse"
    columns = _flowers() | {"stars": [row % 5 for row in range(ROWS)]}
    assert _metric(_made(columns, Asked("stars"))) == "balanced_accuracy"
    assert _metric(_made(columns, Asked("stars", metric="r2"))) == "r2"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("sort"), "has no column 'sort'; it has id, length, colour, seen, planet and kind"),
        (Asked("planet"), "planet is 'earth' in every row: nothing to predict"),
        (Asked("kind", groups=("size",)), "has no column 'size'"),
        (Asked("kind", drop=("kind",)), "is the one to predict"),
        (Asked("kind", metric="rmse"), "rmse is for numbers, and kind holds others"),
        (Asked("kind", metric="loss"), "There is no metric 'loss'"),
        (Asked("kind", holdout=0.9), "choose from 0.05 to 0.5"),
        (Asked("id", metric="accuracy"), "only 0 value"),
        (Asked("kind", drop=("length", "colour", "seen")), "has no column to learn from beside kind"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: Asked, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        _made(_flowers(), asked)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000])
@pytest.mark.parametrize("asked", [Asked("length"), Asked("kind")])
def test_a_number_that_is_too_large_is_told_in_one_line(asked: Asked, number: str) -> None:
    columns = _flowers()
    columns["length"][7] = number
    with pytest.raises(TargetError, match=r"^length holds '[-19e]+', more than a number can be: "):
        _made(columns, asked)


def test_a_number_of_more_digits_than_python_reads_is_still_one() -> None:
    cells = [f"{row:05000}" for row in range(60)]
    column = read_column("a", cells)
    assert (column.kind, column.useless[:26]) == ("number", "is different in every row,")


def test_three_rows_are_too_few() -> None:
    with pytest.raises(TargetError, match="has 3 rows with an answer; at least 40 are needed"):
        data_target(_table(a=[1, 2, 3], b=["x", "y", "x"]), Asked("b"), name="t", where="t.csv")


def test_csv_with_mark_semicolons_and_decimal_commas() -> None:
    table = read_csv("\ufeffa;b\n1,5;x\n NA ;y\n".encode(), where="t.csv")
    assert table == CsvTable(("a", "b"), (("1,5", "x"), ("", "y")), ",")
    assert read_column("a", table.column("a"), ",").cells == ("1.5", "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"a,a\n1,2\n", "two columns called 'a'"),
        (b"a,b\n1,2\n1\n", "line 3: has 1 values, and the header names 2 columns"),
        (b'a,b\n"1,2\n', "line 2: "),
        ("a,b\n\u00e9,2\n".encode("latin-1"), "is not UTF-8 text"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8 text"),
        (b"a,b\n\x00,1\n", "holds zero bytes"),
        (b"a,b\n" + b"1,2\n" * 4_000_000, "holds 16.0 MB; a table may have at most 15"),
        (b"," * 1_999 + b"\n" + (b"," * 1_999 + b"\n") * 2_000, r"line 1501: .* at most 3,000,000 cells"),
        (b"," * 3_000_000, r"line 1: .* at most 3,000,000 cells"),
    ],
)
def test_broken_files_are_told_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(TargetError, match=said) as caught:
        read_csv(data, where="t.csv")
    assert caught.value.message.startswith("t.csv")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("cells", "kind", "first"),
    [
        (["1", "2.5e3", "-.5"], "number", "1"),
        (["11.03.2024", "30.12.2023"], "date", "2024-03-11T00:00:00"),
        (["a", "b", "a"], "category", "a"),
        (["\u0661", "\u0662", "\u0661"], "category", "\u0661"),
        ([f"some words of row {row}" for row in range(60)], "text", "some words of row 0"),
    ],
)
def test_kind_of_a_column(cells: list[str], kind: str, first: str) -> None:
    column = read_column("c", cells)
    assert (column.kind, column.cells[0]) == (kind, first)
