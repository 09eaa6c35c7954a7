"""One measurement, leg by leg: cheaper stages first, several cases each, and when to go no further.

Whether a candidate is dropped depends on its own scores and on those of the champion on the same seed, and on nothing
else: a run that is resumed drops the same candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from statistics import fmean
from typing import Any

from improvement.engine.manifest import Manifest, Metric
from improvement.engine.stages import Stage, adds_up, function_of
from improvement.engine.wording import counted

ROUNDING = 1e-9
"""The share of a threshold by which a mean may fall short of it: floating-point sums are not exact."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a measurement: what the evaluator is told as ``stage``, and the cases that it is asked.

    ``seconds`` is the wall time of each case, ``threshold`` the mean score that is needed to go on (None: any will do),
    ``function`` what is called where stages call different functions.
    """

    stage: str
    cases: tuple[int, ...]
    seconds: float
    threshold: float | None = None
    function: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What came of a leg: the score of every case that was evaluated, of ``cases`` in all."""

    stage: str
    cases: int
    scores: tuple[float, ...]
    threshold: float | None = None

    @property
    def score(self) -> float | None:
        """The mean over all cases; None while one is missing."""
        return fmean(self.scores) if len(self.scores) == self.cases else None


def read_steps(values: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Read steps from plain JSON, as ``dataclasses.asdict`` gives them."""
    return tuple(Step(one["stage"], one["cases"], tuple(one["scores"]), one["threshold"]) for one in values)


def legs(manifest: Manifest, stage: Stage, case: int) -> tuple[Leg, ...]:
    """Return what a measurement is made of, the full one last; ``case`` is the holdout's."""
    evaluate = manifest.evaluate
    if stage is Stage.HOLDOUT:
        return (Leg(str(stage), (case,), evaluate.seconds),)
    early = evaluate.stages if stage is Stage.MEASURE or adds_up(evaluate.protocol) else ()
    first = tuple(
        Leg(one.name, tuple(range(one.cases)), one.seconds, one.threshold, function_of(evaluate.protocol, place))
        for place, one in enumerate(early)
    )
    function = function_of(evaluate.protocol, len(first)) if first else ""
    return (*first, Leg(str(stage), tuple(range(evaluate.cases)), evaluate.seconds, function=function))


def why_dropped(manifest: Manifest, leg: Leg, scores: Sequence[float], champion: Sequence[Step]) -> str:
    """Say why a candidate with these scores goes no further, or return the empty text.

    ``champion`` is what came of the champion's measurement on the same seed. A stage that the champion itself misses
    drops nobody.
    """
    mark = next((step for step in champion if step.stage == leg.stage), None)
    if mark is None or mark.score is None:
        return ""
    if leg.threshold is None:
        return _hopeless(manifest, scores, mark)
    if is_missed(manifest.primary, mark):
        return ""
    return _below(manifest.primary, leg, scores, leg.threshold)


def is_missed(metric: Metric, step: Step) -> bool:
    """Tell whether a step has a score that falls short of its threshold."""
    if step.threshold is None or step.score is None:
        return False
    return _is_short(metric, step.score, step.threshold)


def _below(metric: Metric, leg: Leg, scores: Sequence[float], threshold: float) -> str:
    best = _best_possible(metric, scores, len(leg.cases))
    if best is None or not _is_short(metric, best, threshold):
        return ""
    if len(scores) == len(leg.cases):
        return f"Dropped at stage {leg.stage}: {metric.name} is {best:.6g}, and {threshold:.6g} is needed."
    return (
        f"Dropped at stage {leg.stage} after {_of(scores, leg.cases)}: {metric.name} cannot reach {threshold:.6g} "
        f"any more ({best:.6g} at best)."
    )


def _hopeless(manifest: Manifest, scores: Sequence[float], champion: Step) -> str:
    """Give up on what cannot come near the champion any more, or is worse than it on each of the first cases."""
    metric, give_up = manifest.primary, manifest.evaluate.give_up
    if give_up is None or champion.score is None or len(scores) == champion.cases:
        return ""
    best = _best_possible(metric, scores, champion.cases)
    said = f"Dropped after {_of(scores, champion.scores)}"
    if best is not None and _is_short(metric, best, champion.score - metric.sign * give_up):
        return (
            f"{said}: {metric.name} cannot come within {give_up:.6g} of the champion's {champion.score:.6g} any more "
            f"({best:.6g} at best)."
        )
    pairs = zip(scores, champion.scores, strict=False)
    lost = all(_is_short(metric, own, theirs - metric.sign * give_up) for own, theirs in pairs)
    if len(scores) == manifest.evaluate.race and lost:
        return f"{said}: worse than the champion by more than {give_up:.6g} in each of them."
    return ""


def _best_possible(metric: Metric, scores: Sequence[float], cases: int) -> float | None:
    """Return the best mean that these scores can still come to, or None where nothing bounds it."""
    left = cases - len(scores)
    if not left:
        return fmean(scores)
    bound = metric.bound
    if bound is None or any(_is_short(metric, bound, score) for score in scores):
        return None
    return (fsum(scores) + left * bound) / cases


def _is_short(metric: Metric, value: float, needed: float) -> bool:
    return metric.sign * (needed - value) > ROUNDING * max(1.0, abs(needed))


def _of(done: Sequence[float], cases: Sequence[object]) -> str:
    return f"{len(done)} of {counted(len(cases), 'case')}"
