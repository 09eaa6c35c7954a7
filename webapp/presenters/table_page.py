"""An uploaded table: its columns, and what was chosen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from improvement.engine.data_targets import Asked
from improvement.engine.table_summary import ColumnSummary
from improvement.engine.wording import counted
from webapp.data_forms import DataTargetForm, stated

if TYPE_CHECKING:
    from improvement.models import TargetImport, UploadedTable


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """One column: ``place`` names it in the form, ``missing`` and ``different`` are in words."""

    place: int
    name: str
    kind: str
    missing: str
    different: str
    examples: str
    note: str
    predicted: bool
    grouped: bool
    dropped: bool


@dataclass(frozen=True, slots=True)
class TablePage:
    """One uploaded table: waiting, read (with its columns) or refused; ``problem`` is why no target was made of it."""

    id: int
    file_name: str
    state: str
    message: str
    size: str
    columns: tuple[ColumnLine, ...]
    form: DataTargetForm
    problem: str


def page(
    table: UploadedTable, columns: Sequence[ColumnSummary], form: DataTargetForm, last: TargetImport | None
) -> TablePage:
    """Return how a table stands, with what was chosen so far; ``last`` is what was asked for before."""
    return TablePage(
        id=table.pk,
        file_name=table.file_name,
        state=table.state,
        message=table.message,
        size=f"{counted(table.rows, 'row')}, {counted(len(columns), 'column')}",
        columns=tuple(_line(place, column, table.rows, form) for place, column in enumerate(columns)),
        form=form,
        problem=last.message if last is not None and last.state == "refused" else "",
    )


def initial(columns: Sequence[ColumnSummary], last: TargetImport | None) -> dict[str, Any] | None:
    """Return what the form shows at first: what was asked for before, if anything."""
    return stated(Asked.of(last.choices), last.name, columns) if last is not None else None


def _line(place: int, column: ColumnSummary, rows: int, form: DataTargetForm) -> ColumnLine:
    def chosen(field: str) -> bool:
        value = form[field].value()
        return str(place) in (value if isinstance(value, list) else [value])

    return ColumnLine(
        place=place,
        name=column.name,
        kind=column.kind,
        missing=f"{100 * column.missing / rows:.2g} %" if column.missing and rows else "",
        different=f"{column.different:,}",
        examples=", ".join(column.examples),
        note=column.note,
        predicted=chosen("predict"),
        grouped=chosen("groups"),
        dropped=chosen("drop"),
    )
