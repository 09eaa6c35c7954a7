"""The first metric against another: what can be had of both, and where a guard forbids to go."""

from __future__ import annotations

from collections.abc import Sequence

from improvement.engine.fronts import front
from improvement.engine.manifest import Metric
from improvement.selectors.insights import Weighed
from webapp.presenters import words
from webapp.presenters.panels.parts import Cell, Head, Panel, Rows, Table
from webapp.presenters.plots import Axis, Layer, Plot

MOST_DOTS, MOST_ROWS, FEWEST = 1500, 25, 2
ASKS = "against"


def other_metric(metrics: Sequence[Metric], against: str) -> Metric | None:
    """Return the metric that is set against the first one: the one asked for, the first guard, or the second."""
    others = metrics[1:]
    return next((one for one in others if one.name == against), None) or _first_guard(others)


def panel(
    metrics: Sequence[Metric],
    other: Metric,
    points: Sequence[Weighed],
    *,
    start: Sequence[Weighed],
    champion: int | None,
) -> Panel | None:
    """Return the trade-off between the first metric and another one, nothing while fewer than two were measured."""
    if len(points) < FEWEST:
        return None
    primary, *others = metrics
    best = _front(points, primary, other)
    held = [one for one in points if one.id == champion] or start
    return Panel(
        "tradeoffs",
        f"{primary.name} against {other.name}",
        _table(best, primary, other),
        _plot(points, best, held, primary, other),
        note=_note(other),
        asks=ASKS,
        choices=tuple((one.name, one.name, one is other) for one in others) if len(others) > 1 else (),
    )


def rows(primary: Metric, other: Metric, points: Sequence[Weighed]) -> Rows:
    """Return a row for each candidate that has both metrics."""
    if len(points) < FEWEST:
        return ()
    best = {one.id for one in _front(points, primary, other)}
    told = ((f"C-{one.id}", one.first, one.second, "yes" if one.id in best else "no") for one in points)
    return (("candidate", primary.name, other.name, "on the front"), *told)


def _front(points: Sequence[Weighed], primary: Metric, other: Metric) -> list[Weighed]:
    return [points[index] for index in front([(primary.sign * one.first, other.sign * one.second) for one in points])]


def _first_guard(others: Sequence[Metric]) -> Metric | None:
    return next((one for one in others if one.guard is not None), others[0] if others else None)


def _plot(
    points: Sequence[Weighed], best: Sequence[Weighed], champion: Sequence[Weighed], primary: Metric, other: Metric
) -> Plot:
    step = -(-len(points) // MOST_DOTS)
    layers = [
        _layer("dots", "faint", "evaluated", points[::step]),
        *_guard(points, champion, other),
        _layer("line", "ink", "front", best),
        _layer("dots", "ink", "nothing is better in both", best),
        _layer("dots", "seal", "approved champion", champion),
    ]
    summary = f"{len(best)} of {len(points)} candidates are beaten by no other in both {primary.name} and {other.name}"
    return Plot(Axis(_label(primary)), Axis(_label(other)), tuple(layer for layer in layers if layer.x), summary)


def _layer(kind: str, tone: str, name: str, points: Sequence[Weighed]) -> Layer:
    return Layer(
        kind, tone, name, [one.first for one in points], [one.second for one in points], [one.id for one in points]
    )


def _guard(points: Sequence[Weighed], champion: Sequence[Weighed], other: Metric) -> list[Layer]:
    """Return the line beyond which the guard lets nothing be released."""
    if other.guard is None or not champion:
        return []
    limit = champion[0].second - other.sign * other.guard
    ends = [one.first for one in (*points, *champion)]
    return [Layer("line", "wax", "guard", [min(ends), max(ends)], [limit, limit])]


def _label(metric: Metric) -> str:
    return f"{metric.name}, {metric.better} is better"


def _note(other: Metric) -> str:
    if other.guard is None:
        return ""
    return f"{other.name} is guarded: it may become worse than the champion's by {other.guard:g} at most."


def _table(best: Sequence[Weighed], primary: Metric, other: Metric) -> Table:
    shown = best[:: -(-len(best) // MOST_ROWS) * -1]
    rows = tuple((Cell("", one.id), Cell(words.number(one.first)), Cell(words.number(one.second))) for one in shown)
    note = f"{len(shown)} of the {len(best)} on the front" if len(shown) < len(best) else ""
    return Table((Head("On the front", False), Head(primary.name), Head(other.name)), rows, note)
