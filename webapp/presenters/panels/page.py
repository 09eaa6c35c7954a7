"""All panels of a run, from what the selectors read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from improvement.engine.manifest import Manifest
from improvement.exceptions import NotFound
from improvement.selectors import insights, targets
from improvement.selectors.insights import Tried
from webapp.presenters.panels import curves, operators, parameters, tradeoffs
from webapp.presenters.panels.parts import Panel

if TYPE_CHECKING:
    from improvement.models import Run


def panels(run: Run, *, against: str = "") -> tuple[Panel, ...]:
    """Return the panels that make sense for a run; ``against`` names the metric that the first is set against."""
    rows = insights.tried(run)
    if not any(row.score is not None for row in rows):
        return ()
    return tuple(_found(run, rows, targets.manifest(run.target), against))


def one(run: Run, key: str, *, against: str = "") -> Panel:
    """Return one panel of a run, or raise ``NotFound``."""
    for panel in panels(run, against=against):
        if panel.key == key:
            return panel
    raise NotFound(f"R-{run.pk} shows nothing of that name.")


def _found(run: Run, rows: Sequence[Tried], manifest: Manifest, against: str) -> Iterator[Panel]:
    metric, sign, champion = run.target.metric, run.target.sign, insights.champion_id(run)
    found = (
        _parameters(run, rows, manifest, champion),
        _tradeoffs(run, manifest, champion, against),
        curves.panel(rows, metric=metric, sign=sign),
        operators.panel(rows, insights.seconds_by_operator(run), start=run.start_score, sign=sign),
    )
    yield from (panel for panel in found if panel is not None)


def _parameters(run: Run, rows: Sequence[Tried], manifest: Manifest, champion: int | None) -> Panel | None:
    if not manifest.parameters:
        return None
    chosen = parameters.choose(rows, run.target.sign, champion)
    values = insights.values(row.id for row in chosen.everybody)
    return parameters.panel(manifest.parameters, chosen, values, metric=run.target.metric)


def _tradeoffs(run: Run, manifest: Manifest, champion: int | None, against: str) -> Panel | None:
    other = tradeoffs.other_metric(manifest.metrics, against)
    if other is None:
        return None
    names = (manifest.primary.name, other.name)
    points, start = insights.weighed(run, *names), insights.start(run, *names)
    return tradeoffs.panel(manifest.metrics, other, points, start=start, champion=champion)
