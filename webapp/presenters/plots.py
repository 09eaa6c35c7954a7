"""Small charts in neutral words: layers in the chart's own units, drawn by the server first and then by the script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from webapp.presenters.charts import Point, Scale, Tick, scale_of, ticks

WIDTH, HEIGHT = 560.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 10.0, 34.0


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing drawn: ``dots``, a ``line``, a filled ``band`` or many ``strands`` with gaps (``None``) between.

    ``tone`` is the role of its colour (mark, faint, ink, seal, amber); ``ids`` are the candidates behind the points.
    """

    kind: str
    tone: str
    name: str
    x: Sequence[float | None]
    y: Sequence[float | None]
    ids: Sequence[int | None] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows; with ``ticks`` these stand there instead of round numbers."""

    label: str = ""
    ticks: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart: its axes, its layers from the back to the front, and what it shows in one sentence."""

    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
    summary: str

    def as_json(self) -> dict[str, Any]:
        """Return the chart for the page's script."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A layer in pixels: a path, or dots."""

    kind: str
    tone: str
    path: str = ""
    dots: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class PlotPaint:
    """A chart in a 560 × 280 box: what the page shows before (and without) its script."""

    layers: tuple[Drawn, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    summary: str


def paint(plot: Plot) -> PlotPaint:
    """Return the SVG coordinates of a chart."""
    x = scale_of(_values(plot.layers, "x"), LEFT, WIDTH - RIGHT, pad=0.02)
    y = scale_of(_values(plot.layers, "y"), HEIGHT - BOTTOM, TOP, pad=0.06)
    return PlotPaint(
        layers=tuple(_drawn(layer, x, y) for layer in plot.layers),
        across=_ticks(plot.x, x),
        up=_ticks(plot.y, y),
        summary=plot.summary,
    )


def _values(layers: Sequence[Layer], axis: str) -> list[float]:
    return [value for layer in layers for value in getattr(layer, axis) if value is not None]


def _ticks(axis: Axis, scale: Scale) -> tuple[Tick, ...]:
    if axis.ticks:
        return tuple(Tick(scale(tick.at), tick.label) for tick in axis.ticks)
    return tuple(Tick(scale(value), f"{value:g}") for value in ticks(scale.low, scale.high, wanted=5))


def _drawn(layer: Layer, x: Scale, y: Scale) -> Drawn:
    places = [None if a is None or b is None else (x(a), y(b)) for a, b in zip(layer.x, layer.y, strict=True)]
    if layer.kind == "dots":
        return Drawn(layer.kind, layer.tone, dots=tuple(place for place in places if place is not None))
    closed = "Z" if layer.kind == "band" else ""
    return Drawn(layer.kind, layer.tone, path=f"{_path(places)}{closed}")


def _path(places: Sequence[Point | None]) -> str:
    path, begins = [], True
    for place in places:
        if place is not None:
            path.append(f"{'M' if begins else 'L'}{place[0]:g} {place[1]:g}")
        begins = place is None
    return "".join(path)
