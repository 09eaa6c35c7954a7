"""Reading the strategies that a run can use, which of them fit a target, and what they take there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from improvement.engine import extras, fitting
from improvement.engine.consulting import Offer as ModelOffer
from improvement.engine.consulting import read_choice
from improvement.engine.measurement import Task
from improvement.engine.packages import StrategyPackage, builtin_names, find_builtin, join
from improvement.exceptions import Invalid, StrategyError
from improvement.models import Target
from improvement.selectors import language_models, paces, targets
from improvement.selectors.paces import Pace

HOW_TO_ADD = "an administrator adds one on the Models page, or with `manage.py model add`"


@dataclass(frozen=True, slots=True)
class Offer:
    """A strategy for a target: why it cannot work on it (empty when it can), and how long an evaluation takes."""

    package: StrategyPackage
    why_not: str
    pace: Pace


def all_strategies() -> list[StrategyPackage]:
    """Return the built-in strategy packages by name."""
    return [find_builtin(name) for name in builtin_names()]


def package(name: str) -> StrategyPackage:
    """Return the strategy package of a name, or raise ``StrategyError`` naming the nearest one."""
    return find_builtin(name)


def packages(names: Sequence[str]) -> StrategyPackage:
    """Return the package of these strategies together: one, or several that share a run; raises ``StrategyError``."""
    return join([find_builtin(name) for name in names])


def offers(target: Target) -> list[Offer]:
    """Return every strategy for a target: those that fit first, the best of them on top."""
    task, known = _task(target), paces.of_target(target)
    given, there = _means(task), all_strategies()
    best_first = fitting.ranked(there, given)
    others = [one for one in there if one not in best_first]
    found = [Offer(one, _why_not(one, task, given), known.of(one.name)) for one in [*best_first, *others]]
    return sorted(found, key=lambda offer: bool(offer.why_not))


def best_for(target: Target) -> StrategyPackage:
    """Return the strategy that fits a target best, or raise ``StrategyError`` when none does."""
    found = fitting.ranked(all_strategies(), _means(_task(target)))
    if not found:
        raise StrategyError(f"No strategy here fits {target.name}: the page New run says of each why.")
    return found[0]


def models_for(package: StrategyPackage, asked: str) -> list[ModelOffer]:
    """Return the models that a run of a strategy may ask, chosen by ``NAME[=WEIGHT],NAME…``.

    Without a choice it is the only model there is, for a strategy that cannot do without. Raises ``Invalid``, which
    says why a model cannot be asked.
    """
    if asked.strip() and not package.asks_for_help:
        raise Invalid(f"Strategy {package.name!r} asks no language models: choose none for it.")
    needed = "model" in package.needs
    there = [one.config.name for one in language_models.all_models()] if asked else list(language_models.askable())
    weights = read_choice(asked, there, needed=needed, how=HOW_TO_ADD) if asked or needed else {}
    return [language_models.usable(name).config.offer(weight) for name, weight in weights.items()]


def check_fits(package: StrategyPackage, target: Target) -> None:
    """Raise ``StrategyError`` when a strategy cannot work on a target, ``MissingExtra`` when a package is missing."""
    task = _task(target)
    fitting.check_fits(package, _means(task), target=target.name)
    extras.check_run(task.manifest, package)


def _why_not(package: StrategyPackage, task: Task, given: fitting.Means) -> str:
    try:
        extras.check_run(task.manifest, package)
    except Invalid as missing:
        return fitting.why_not(package, given) or missing.message
    return fitting.why_not(package, given)


def _means(task: Task) -> fitting.Means:
    installed = {"command": settings.COUNTERSIGN_AGENT_PATHS, "model": language_models.askable()}
    return fitting.means(task, installed=[name for name, there in installed.items() if there])


def _task(target: Target) -> Task:
    return targets.task_at(target.name, target.champion_commit)
