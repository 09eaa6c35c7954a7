"""Reading the strategies that a run can use, which of them fit a target, and what they take there."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from improvement.engine import extras, fitting
from improvement.engine.measurement import Task
from improvement.engine.packages import StrategyPackage, builtin_names, find_builtin
from improvement.exceptions import Invalid, StrategyError
from improvement.models import Target
from improvement.selectors import paces, targets
from improvement.selectors.paces import Pace


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


def offers(target: Target) -> list[Offer]:
    """Return every strategy for a target: those that fit first, the best of them on top."""
    task, known = _task(target), paces.of_target(target)
    given, packages = _means(task), all_strategies()
    best_first = fitting.ranked(packages, given)
    others = [one for one in packages if one not in best_first]
    found = [Offer(one, _why_not(one, task, given), known.of(one.name)) for one in [*best_first, *others]]
    return sorted(found, key=lambda offer: bool(offer.why_not))


def best_for(target: Target) -> StrategyPackage:
    """Return the strategy that fits a target best, or raise ``StrategyError`` when none does."""
    found = fitting.ranked(all_strategies(), _means(_task(target)))
    if not found:
        raise StrategyError(f"No strategy here fits {target.name}: the page New run says of each why.")
    return found[0]


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
    return fitting.means(task, installed=["command"] if settings.COUNTERSIGN_AGENT_PATHS else [])


def _task(target: Target) -> Task:
    return targets.task_at(target.name, target.champion_commit)
