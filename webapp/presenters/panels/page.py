"""All panels of a run: the ones that make sense for it, made anew only when something happened in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from django.core.cache import cache

from improvement.engine.packages import JOINT
from improvement.exceptions import NotFound
from improvement.selectors import events, insights, model_calls
from webapp.presenters.panels import curves, elites, importances, operators, parameters, spend, tradeoffs
from webapp.presenters.panels.parts import Panel, Rows
from webapp.presenters.panels.story import Story

if TYPE_CHECKING:
    from improvement.models import Run

KEPT_SECONDS = 3600


class Made(NamedTuple):
    """Panels, and what they were made of: the run's last event and its target's champion."""

    event: int
    champion: str
    panels: tuple[Panel, ...]


class Kind(NamedTuple):
    """How a panel is made of a run, the rows to download, and whether it tells of scores."""

    panel: Callable[[Story], Panel | None]
    rows: Callable[[Story], Rows]
    of_scores: bool = True


def panels(run: Run, *, against: str = "") -> tuple[Panel, ...]:
    """Return the panels that make sense for a run; ``against`` names the metric that the first is set against."""
    story = Story(run, against)
    event, champion = events.cursor(run.pk), run.target.champion_commit
    kept: Made | None = cache.get(_place(story))
    if kept is not None and (kept.event, kept.champion) == (event, champion):
        return kept.panels
    kinds = [kind for kind in KINDS.values() if story.measured or not kind.of_scores]
    found = tuple(panel for kind in kinds if (panel := kind.panel(story)))
    cache.set(_place(story), Made(event, champion, found), KEPT_SECONDS)
    return found


def rows(run: Run, key: str, *, against: str = "") -> Rows:
    """Return everything that one panel is made of, as rows to download, or raise ``NotFound``."""
    found = KINDS[key].rows(Story(run, against)) if key in KINDS else ()
    if not found:
        raise NotFound(f"R-{run.pk} shows nothing of that name.")
    return found


def _place(story: Story) -> str:
    """Return the name under which a run's panels are kept; a metric that does not exist makes no further one."""
    other = tradeoffs.other_metric(story.manifest.metrics, story.against)
    return f"panels-{story.run.pk}-{other.name if other else ''}"


def _parameters(story: Story) -> Panel | None:
    if not story.space:
        return None
    chosen = parameters.choose(story.tried, story.sign, story.champion)
    return parameters.panel(story.space, chosen, story.values, metric=story.metric)


def _parameter_rows(story: Story) -> Rows:
    if not story.space:
        return ()
    return parameters.rows(story.space, story.tried, story.values, metric=story.metric, sign=story.sign)


def _importances(story: Story) -> Panel | None:
    return importances.panel(story.importances)


def _importance_rows(story: Story) -> Rows:
    return importances.rows(story.importances)


def _tradeoffs(story: Story) -> Panel | None:
    metrics = story.manifest.metrics
    other = tradeoffs.other_metric(metrics, story.against)
    if other is None:
        return None
    names = (metrics[0].name, other.name)
    points, start = insights.weighed(story.run, *names), insights.start(story.run, *names)
    return tradeoffs.panel(metrics, other, points, start=start, champion=story.champion)


def _tradeoff_rows(story: Story) -> Rows:
    metrics = story.manifest.metrics
    other = tradeoffs.other_metric(metrics, story.against)
    if other is None:
        return ()
    return tradeoffs.rows(metrics[0], other, insights.weighed(story.run, metrics[0].name, other.name))


def _elites(story: Story) -> Panel | None:
    features = story.manifest.features
    if not features:
        return None
    found = insights.placed(story.run)
    return elites.panel(features, found, metric=story.metric, sign=story.sign, champion=story.champion)


def _elite_rows(story: Story) -> Rows:
    features = story.manifest.features
    return elites.rows(features, insights.placed(story.run), metric=story.metric, sign=story.sign) if features else ()


def _curves(story: Story) -> Panel | None:
    return curves.panel(story.tried, metric=story.metric, sign=story.sign)


def _curve_rows(story: Story) -> Rows:
    return curves.rows(story.tried, sign=story.sign)


def _operators(story: Story) -> Panel | None:
    seconds = insights.seconds_by_operator(story.run)
    return operators.panel(story.tried, seconds, start=story.run.start_score, sign=story.sign)


def _operator_rows(story: Story) -> Rows:
    seconds = insights.seconds_by_operator(story.run)
    return operators.rows(story.tried, seconds, start=story.run.start_score, sign=story.sign)


def _strategies(story: Story) -> Panel | None:
    if JOINT not in story.run.strategy:
        return None
    tried, seconds = operators.by_strategy(story.tried, insights.seconds_by_operator(story.run))
    of, start = operators.STRATEGIES, story.run.start_score
    return operators.panel(tried, seconds, start=start, sign=story.sign, of=of)


def _strategy_rows(story: Story) -> Rows:
    if JOINT not in story.run.strategy:
        return ()
    tried, seconds = operators.by_strategy(story.tried, insights.seconds_by_operator(story.run))
    return operators.rows(tried, seconds, start=story.run.start_score, sign=story.sign, of=operators.STRATEGIES)


def _spend(story: Story) -> Panel | None:
    return spend.panel(model_calls.of_run_by_model(story.run.pk))


def _spend_rows(story: Story) -> Rows:
    return spend.rows(model_calls.of_run_by_model(story.run.pk))


KINDS: Mapping[str, Kind] = {
    "parameters": Kind(_parameters, _parameter_rows),
    "importances": Kind(_importances, _importance_rows),
    "elites": Kind(_elites, _elite_rows),
    "tradeoffs": Kind(_tradeoffs, _tradeoff_rows),
    "curves": Kind(_curves, _curve_rows),
    "strategies": Kind(_strategies, _strategy_rows),
    "operators": Kind(_operators, _operator_rows),
    "spend": Kind(_spend, _spend_rows, of_scores=False),
}
