"""What a person sees of a table before choosing what to predict: each column's kind, gaps and a few of its values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from improvement.engine.columns import NUMBER, Column, read_column
from improvement.engine.csv_tables import CsvTable
from improvement.exceptions import TargetError

MOST_COLUMNS = 500
EXAMPLES = 3
LONGEST_EXAMPLE = 40


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """One column: what it holds, how many cells are empty, how many values differ, its most frequent values.

    ``note`` says why a model would not learn from it, or what is wrong with it.
    """

    name: str
    kind: str
    missing: int
    different: int
    examples: tuple[str, ...]
    note: str = ""


def summary(table: CsvTable, *, where: str) -> tuple[ColumnSummary, ...]:
    """Return what there is to know about each column, in the order of the table.

    Raises TargetError for a table of more than 500 columns, which nobody would look through.
    """
    if len(table.names) > MOST_COLUMNS:
        raise TargetError(
            f"{where} has {len(table.names):,} columns; at most {MOST_COLUMNS} can be chosen from on a page. "
            "Leave some out of the file, or use `manage.py target add`."
        )
    return tuple(_summary(name, table.column(name), table.decimal) for name in table.names)


def _summary(name: str, cells: list[str], decimal: str) -> ColumnSummary:
    column, note = _read(name, cells, decimal)
    values = Counter(cell for cell in cells if cell)
    examples = tuple(_short(value) for value, _ in values.most_common(EXAMPLES))
    return ColumnSummary(name, column.kind, column.missing, len(values), examples, note)


def _read(name: str, cells: list[str], decimal: str) -> tuple[Column, str]:
    try:
        column = read_column(name, cells, decimal)
    except TargetError as problem:  # a column that cannot be used can be left out
        return Column(name, NUMBER, tuple(cells)), problem.message
    return column, f"{column.useless}: left out in any case" if column.useless else ""


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_EXAMPLE else f"{value[: LONGEST_EXAMPLE - 1].rstrip()}…"
