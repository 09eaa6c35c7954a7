"""Which strategies can work on a target, why the others cannot, and which of them to try first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from improvement.engine.measurement import Task
from improvement.engine.numbers import has_code, numbers
from improvement.engine.packages import StrategyPackage
from improvement.engine.wording import listed
from improvement.exceptions import StrategyError

_NEEDED = {
    "python": ("an editable Python file", "this target has none"),
    "values": ("declared [parameters] or numbers in an editable Python file", "this target has neither"),
    "weights": ("numbers with a point in an evolve block", "this target has none"),
    "pipeline": ("a pipeline.toml that may be edited", "this target has none"),
    "stream": ("a [stream] in the manifest", "this target has none"),
    "model": ("a language model", "none that can be asked is set up; the Models page says why"),
    "command": ("a program that edits a working copy", "COUNTERSIGN_AGENT_PATHS names none"),
}
"""What each need is, and what to say where it is not met."""
_COSTS = frozenset({"model", "command"})
_PIPELINE = "pipeline.toml"


@dataclass(frozen=True, slots=True)
class Means:
    """What a target and its installation offer to a strategy.

    ``kind`` is the target's, ``has`` the needs that are met, ``about`` those among them that say what the target is
    made of: a strategy that needs one of these is made for it.
    """

    kind: str
    has: frozenset[str]
    about: frozenset[str]


def means(task: Task, *, installed: Collection[str] = ()) -> Means:
    """Return what a target at a commit offers, and what of ``model`` and ``command`` is ``installed``."""
    manifest, files = task.manifest, task.editable
    found, code = numbers(files), has_code(files)
    declared, marked = bool(manifest.parameters), any(number.marked and number.has_point for number in found)
    there = {
        "python": any(path.endswith(".py") for path in files),
        "values": declared or bool(found),
        "weights": marked,
        "pipeline": any(PurePosixPath(path).name == _PIPELINE for path in files),
        "stream": manifest.stream is not None,
    }
    made_of = {
        "pipeline": there["pipeline"],
        "stream": there["stream"],
        "values": declared,
        "weights": marked and not declared and not code,
        "python": code and manifest.kind != "parameters",
    }
    return Means(manifest.kind, frozenset(_named(there)).union(installed), frozenset(_named(made_of)))


def why_not(package: StrategyPackage, given: Means) -> str:
    """Return in one plain clause why a strategy cannot work with what it is given, empty when it can.

    Of several that share a run, why the first of those that cannot.
    """
    for member in package.members:
        if reason := why_not(member, given):
            return f"includes {member.name}, which {reason}"
    if package.kinds and given.kind not in package.kinds:
        return f"works on targets of kind {listed(package.kinds, 'or')}; this one is of kind {given.kind}"
    lacking = [need for need in package.needs if need not in given.has]
    return "needs {}; {}".format(*_NEEDED[lacking[0]]) if lacking else ""


def needs_of(package: StrategyPackage) -> str:
    """Return what a strategy cannot do without, as a sentence lists it; empty when that is nothing."""
    return listed([_NEEDED[need][0] for need in package.needs]) if package.needs else ""


def check_fits(package: StrategyPackage, given: Means, *, target: str) -> None:
    """Raise StrategyError with the reason when a strategy cannot work on the target of this name."""
    if reason := why_not(package, given):
        raise StrategyError(f"Strategy {package.name!r} does not fit {target}: it {reason}.")


def ranked(packages: Iterable[StrategyPackage], given: Means) -> list[StrategyPackage]:
    """Return the strategies that fit, best first: those made for such a target, then free ones, then by name."""
    fitting = [package for package in packages if not why_not(package, given)]
    return sorted(fitting, key=lambda package: _rank(package, given))


def _rank(package: StrategyPackage, given: Means) -> tuple[bool, bool, str]:
    needs = frozenset(package.needs)
    return not needs & given.about, bool(needs & _COSTS), package.name


def _named(there: Mapping[str, bool]) -> list[str]:
    return [need for need, is_there in there.items() if is_there]
