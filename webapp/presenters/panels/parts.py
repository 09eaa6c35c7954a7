"""What a panel is made of: a chart, the table behind it, and the same as rows to download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from webapp.presenters.plots import Plot, PlotPaint, paint


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: its text, the candidate that it names, and a bar from 0 to 1 where it has one."""

    text: str
    candidate: int | None = None
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head."""

    label: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table for reading; ``note`` says which rows these are when there would be more."""

    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: the tone and form of a layer, and its name."""

    kind: str
    tone: str
    name: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: ``choices`` are what else it can show, as (value, label, chosen) of its query ``asks``."""

    key: str
    title: str
    table: Table
    plot: Plot | None = None
    note: str = ""
    asks: str = ""
    choices: tuple[tuple[str, str, bool], ...] = ()

    @property
    def first(self) -> PlotPaint | None:
        """The chart as the server draws it."""
        return paint(self.plot) if self.plot else None

    @property
    def script(self) -> str:
        """The id of the element that holds the chart for the script."""
        return f"data-{self.key}"

    @property
    def data(self) -> dict[str, Any] | None:
        """The chart as the script draws it."""
        return self.plot.as_json() if self.plot else None

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The table as rows of text, its heads first."""
        named = tuple(
            tuple(f"C-{one.candidate}" if one.candidate else one.text for one in row) for row in self.table.rows
        )
        return (tuple(head.label for head in self.table.heads), *named)

    @property
    def legend(self) -> tuple[Key, ...]:
        """What stands for what in the chart."""
        layers = self.plot.layers if self.plot else ()
        return tuple(Key(layer.kind, layer.tone, layer.name) for layer in layers)
