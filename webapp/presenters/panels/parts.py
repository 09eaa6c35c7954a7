"""What a panel is made of: a chart and the table behind it; and the rows to download, all of them and unrounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webapp.presenters.plots import Plot, PlotPaint, paint

Rows = Sequence[Sequence[object]]
"""A table to download, its heads first; empty where there is no such panel."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: its text, the candidate that it names, and a bar from 0 to 1 where it has one."""

    text: str
    candidate: int | None = None
    bar: float | None = None

    @property
    def bar_width(self) -> float:
        """How much of a bar of 100 is filled."""
        return round(100 * (self.bar or 0.0), 1)


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
class HeatCell:
    """One filled cell of a map: the candidate in it, its score, and how good that is, from 0 to 9."""

    candidate: int
    score: str
    shade: int
    is_champion: bool


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One row of a map, ``edge`` its lower end; empty cells are ``None``."""

    edge: str
    cells: tuple[HeatCell | None, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """A map over one or two features (``up`` is empty for one), its rows from the top; ``edges`` are the left ones."""

    across: str
    up: str
    edges: tuple[str, ...]
    rows: tuple[HeatRow, ...]


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
    heat: Heat | None = None
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
    def legend(self) -> tuple[Key, ...]:
        """What stands for what in the chart."""
        layers = self.plot.layers if self.plot else ()
        return tuple(Key(layer.kind, layer.tone, layer.name) for layer in layers)
