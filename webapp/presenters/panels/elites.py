"""The best candidate of every kind: one cell for each part of the features that a target declares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from improvement.engine.features import Feature
from improvement.selectors.insights import Placed
from webapp.presenters import words
from webapp.presenters.panels.parts import Cell, Head, Heat, HeatCell, HeatRow, Panel, Rows, Table

MOST_DRAWN, MOST_ROWS, SHADES, FEWEST = 20, 10, 10, 2

Kind = tuple[int, ...]


def panel(
    features: Sequence[Feature], found: Sequence[Placed], *, metric: str, sign: float, champion: int | None
) -> Panel | None:
    """Return the map of the first two features, nothing while fewer than two kinds are known."""
    best = _best(features, found, sign)
    if len(best) < FEWEST:
        return None
    places = math.prod(feature.cells for feature in features)
    axes = [_coarse(feature) for feature in features[:2]]
    note = f"{len(best)} of {places:,} kinds are known, {_ranges(axes)}; a cell shows the best {metric} of its kind."
    more = " Further features are left out of the map." if len(features) > len(axes) else ""
    return Panel(
        "elites",
        "Best of every kind",
        _table(features, _best_first(best, sign)[:MOST_ROWS], metric),
        heat=_heat(axes, _best(axes, found, sign), champion),
        note=note + more,
    )


def rows(features: Sequence[Feature], found: Sequence[Placed], *, metric: str, sign: float) -> Rows:
    """Return a row for the best of each kind, the best first."""
    best = _best(features, found, sign)
    if len(best) < FEWEST:
        return ()
    names = [feature.name for feature in features]
    told = ((f"C-{one.id}", one.score, *(one.values[name] for name in names)) for one in _best_first(best, sign))
    return (("candidate", metric, *names), *told)


def _best(features: Sequence[Feature], found: Sequence[Placed], sign: float) -> dict[Kind, Placed]:
    """Return the best of each kind; the earlier one of two that are as good, as an archive keeps it."""
    best: dict[Kind, Placed] = {}
    for one in found:
        kind = _kind(features, one.values)
        if kind is not None and (kind not in best or sign * one.score > sign * best[kind].score):
            best[kind] = one
    return best


def _kind(features: Sequence[Feature], values: Mapping[str, float]) -> Kind | None:
    places = []
    for feature in features:
        value = values.get(feature.name)
        if value is None or not math.isfinite(value):
            return None
        places.append(feature.cell(value))
    return tuple(places)


def _coarse(feature: Feature) -> Feature:
    """Return a feature cut into at most 20 parts, so that they can be told apart."""
    return Feature(feature.name, feature.low, feature.high, min(feature.cells, MOST_DRAWN))


def _best_first(best: Mapping[Kind, Placed], sign: float) -> list[Placed]:
    return sorted(best.values(), key=lambda one: (-sign * one.score, one.id))


def _heat(axes: Sequence[Feature], best: Mapping[Kind, Placed], champion: int | None) -> Heat:
    across, up = axes[0], axes[1] if len(axes) > 1 else None
    lines = range(up.cells if up else 1)
    scores = [one.score for one in best.values()]
    ends = min(scores), max(scores)
    made = tuple(
        HeatRow(
            _edge(up, line) if up else "",
            tuple(
                _cell(best.get((column, line) if up else (column,)), ends, champion) for column in range(across.cells)
            ),
        )
        for line in reversed(lines)
    )
    return Heat(across.name, up.name if up else "", tuple(_edge(across, one) for one in range(across.cells)), made)


def _cell(one: Placed | None, ends: tuple[float, float], champion: int | None) -> HeatCell | None:
    if one is None:
        return None
    low, high = ends
    share = 1.0 if low == high else (one.score - low) / (high - low)
    return HeatCell(one.id, words.number(one.score), round(share * (SHADES - 1)), is_champion=one.id == champion)


def _edge(feature: Feature, place: int) -> str:
    return f"{feature.low + place * (feature.high - feature.low) / feature.cells:.4g}"


def _ranges(axes: Sequence[Feature]) -> str:
    return " and ".join(f"{one.name} from {one.low:g} to {one.high:g}" for one in axes)


def _table(features: Sequence[Feature], found: Sequence[Placed], metric: str) -> Table:
    heads = (Head("Best first", False), Head(metric), *(Head(feature.name) for feature in features))
    return Table(
        heads,
        tuple(
            (
                Cell("", one.id),
                Cell(words.number(one.score)),
                *(Cell(words.number(one.values[feature.name])) for feature in features),
            )
            for one in found
        ),
    )
