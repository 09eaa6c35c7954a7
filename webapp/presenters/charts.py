"""The charts that the server draws itself: a run's first paint and the sparklines, as plain SVG coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]

WIDTH, HEIGHT = 760.0, 360.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 16.0, 8.0, 30.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line's place and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class FirstPaint:
    """A run's chart in a 760 × 360 box: what the page shows before (and without) its script."""

    dots: tuple[Point, ...]
    best: str
    champion: str
    signed: tuple[Point, ...]
    waiting: tuple[Point, ...]
    rejected: tuple[Point, ...]
    taken_back: tuple[Point, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Series:
    """What a run's chart holds, in the chart's own units: evaluation number and score."""

    points: Sequence[Point] = ()
    best: Sequence[Point] = ()
    champion: Sequence[Point] = ()
    signed: Sequence[Point] = ()
    waiting: Sequence[Point] = ()
    rejected: Sequence[Point] = ()
    taken_back: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from values to the box."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return where a value is drawn, to a tenth of a pixel."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)


def first_paint(series: Series, *, summary: str) -> FirstPaint:
    """Return the SVG coordinates of a run's chart; an empty run gives an empty box with its grid."""
    everything = [*series.points, *series.champion, *series.waiting, *series.rejected, *series.taken_back]
    x = scale_of([point[0] for point in everything] + [0.0], LEFT, WIDTH - RIGHT, pad=0.02)
    y = scale_of([point[1] for point in everything], HEIGHT - BOTTOM, TOP, pad=0.06)

    def place(points: Sequence[Point]) -> tuple[Point, ...]:
        return tuple((x(a), y(b)) for a, b in points)

    return FirstPaint(
        dots=place(series.points),
        best=steps(place(series.best)),
        champion=steps(place(series.champion)),
        signed=place(series.signed),
        waiting=place(series.waiting),
        rejected=place(series.rejected),
        taken_back=place(series.taken_back),
        across=tuple(Tick(x(value), f"{value:g}") for value in ticks(x.low, x.high) if value >= 0),
        up=tuple(Tick(y(value), f"{value:g}") for value in ticks(y.low, y.high)),
        summary=summary,
    )


def sparkline(values: Sequence[Point], *, width: float = 140.0, height: float = 26.0) -> str:
    """Return the path of a step line in a small box, or an empty text when there is nothing to draw."""
    if not values:
        return ""
    x = scale_of([point[0] for point in values], 0.0, width, pad=0.0)
    y = scale_of([point[1] for point in values], height - 2, 2.0, pad=0.0)
    return steps(tuple((x(a), y(b)) for a, b in values))


def steps(points: Sequence[Point]) -> str:
    """Return a path that holds each value until the next one."""
    if not points:
        return ""
    (x, y), *rest = points
    path = [f"M{x:g} {y:g}"]
    for following, value in rest:
        path.append(f"H{following:g}")
        if value != y:
            path.append(f"V{value:g}")
            y = value
    return "".join(path)


def ticks(low: float, high: float, *, wanted: int = 6) -> tuple[float, ...]:
    """Return round values between two ends, about as many as wanted."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step)
    last = math.floor(high / step)
    return tuple(round(index * step, 10) for index in range(first, last + 1))


def scale_of(values: Sequence[float], start: float, end: float, *, pad: float) -> Scale:
    """Return a scale on which all values lie between two ends, with some room as a share of their range."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        half = abs(low) / 2 or 0.5
        low, high = low - half, high + half
    room = (high - low) * pad
    return Scale(low - room, high + room, start, end)
