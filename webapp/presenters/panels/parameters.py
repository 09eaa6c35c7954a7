"""The declared parameters of everything a run tried, side by side: which values go with good scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from improvement.engine.manifest import Parameter
from improvement.selectors.insights import Tried
from webapp.presenters import words
from webapp.presenters.charts import Tick
from webapp.presenters.panels.parts import Cell, Head, Panel, Rows, Table
from webapp.presenters.plots import Axis, Layer, Plot

FEWEST, MOST_OTHERS, MOST_BEST, MOST_ROWS, MOST_AXES = 5, 200, 60, 10, 8


Values = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is drawn of a run: the champion when it is one of its candidates, the best tenth, and some of the others.

    ``ends`` are the least and the greatest score, ``total`` how many were measured.
    """

    champion: Sequence[Tried]
    best: Sequence[Tried]
    others: Sequence[Tried]
    ends: tuple[float, float]
    total: int

    @property
    def everybody(self) -> list[Tried]:
        """All of them."""
        return [*self.champion, *self.best, *self.others]


def choose(rows: Sequence[Tried], sign: float, champion: int | None) -> Chosen:
    """Choose what is drawn of all that a run tried: at most 60 of the best and 200 of the others, evenly by rank."""
    found = best_first(rows, sign)
    many = min(MOST_BEST, max(1, len(found) // 10))
    others = found[many:]
    scores = [_score(row) for row in (found[0], found[-1])] if found else [0.0]
    return Chosen(
        champion=[row for row in found if row.id == champion],
        best=found[:many],
        others=others[:: max(1, -(-len(others) // MOST_OTHERS))],
        ends=(min(scores), max(scores)),
        total=len(found),
    )


def rows(space: Sequence[Parameter], tried: Sequence[Tried], values: Values, *, metric: str, sign: float) -> Rows:
    """Return a row for each candidate that was measured, best first, with every declared parameter."""
    names = [one.name for one in space]
    found = best_first(tried, sign)
    if len(found) < FEWEST or not names:
        return ()
    told = ((f"C-{row.id}", row.score, *(values[row.id].get(name) for name in names)) for row in found)
    return (("candidate", metric, *names), *told)


def best_first(tried: Sequence[Tried], sign: float) -> list[Tried]:
    """Return what was measured, the best first."""
    return sorted((row for row in tried if row.score is not None), key=_score, reverse=sign > 0)


def panel(space: Sequence[Parameter], chosen: Chosen, values: Values, *, metric: str) -> Panel | None:
    """Return parallel coordinates over the parameters that were varied, at most eight, and the score."""
    drawn = [values[row.id] for row in chosen.everybody]
    varied = [one for one in space if len({str(found.get(one.name)) for found in drawn}) > 1][:MOST_AXES]
    if chosen.total < FEWEST or not varied:
        return None
    return Panel(
        "parameters",
        "Parameters and scores",
        _table(chosen.best[:MOST_ROWS], varied, values, metric),
        _plot(chosen, varied, values, metric),
        note="Each line is a candidate; it crosses an axis between the least and the most that is allowed there.",
    )


def _plot(chosen: Chosen, space: Sequence[Parameter], values: Values, metric: str) -> Plot:
    groups = (
        ("faint", "evaluated", chosen.others),
        ("ink", "best tenth", chosen.best),
        ("seal", "approved champion", chosen.champion),
    )
    layers = [_strands(tone, name, group, space, values, chosen.ends) for tone, name, group in groups if group]
    names = [*(_short(one.name) for one in space), metric]
    ticks = tuple(Tick(float(at), name) for at, name in enumerate(names))
    summary = f"{chosen.total} candidates over {len(space)} parameters; the table has the best"
    return Plot(Axis("", ticks), Axis("", (Tick(0.0, "least"), Tick(1.0, "most"))), tuple(layers), summary)


def _short(name: str) -> str:
    """Return a name without its section: an axis has little room."""
    return name.rpartition(".")[2]


def _strands(
    tone: str,
    name: str,
    rows: Sequence[Tried],
    space: Sequence[Parameter],
    values: Values,
    ends: tuple[float, float],
) -> Layer:
    x: list[float | None] = []
    y: list[float | None] = []
    ids: list[int | None] = []
    for row in rows:
        set_to = values[row.id]
        heights = [*(_rounded(one.place(set_to.get(one.name))) for one in space), _share(_score(row), *ends)]
        x += [*map(float, range(len(heights))), None]
        y += [*heights, None]
        ids += [row.id] * (len(heights) + 1)
    return Layer("strands", tone, name, x, y, ids)


def _score(row: Tried) -> float:
    return row.score or 0.0


def _rounded(place: float | None) -> float | None:
    return None if place is None else round(place, 4)


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if low == high else round(min(max((value - low) / (high - low), 0.0), 1.0), 4)


def _table(rows: Sequence[Tried], space: Sequence[Parameter], values: Values, metric: str) -> Table:
    heads = (Head("Best first", False), Head(metric), *(Head(one.name) for one in space))
    return Table(heads, tuple(_row(row, space, values[row.id]) for row in rows))


def _row(row: Tried, space: Sequence[Parameter], set_to: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (Cell("", row.id), Cell(words.number(row.score)), *(Cell(_told(set_to.get(one.name))) for one in space))


def _told(value: Any) -> str:
    if value is None:
        return words.NOTHING
    return f"{value:.5g}" if isinstance(value, float) else str(value)
