"""The numbers of a piece of evidence: one row per metric, one for the time it takes, one for the holdout."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from improvement.engine.manifest import Manifest, Metric
from improvement.engine.measurement import Measurement, Outcome
from improvement.engine.statistics import Comparison, compare, paired_differences


class Verdict(StrEnum):
    """What a comparison says; the exact ones are for targets that answer the same on every seed."""

    BETTER = "better"
    WITHIN_NOISE = "within_noise"
    WORSE = "worse"
    EXACT_BETTER = "exact_better"
    EXACT_EQUAL = "exact_equal"
    EXACT_WORSE = "exact_worse"
    FAILED = "failed"

    @property
    def is_better(self) -> bool:
        """Whether the candidate beats the champion beyond noise."""
        return self in (Verdict.BETTER, Verdict.EXACT_BETTER)


class HoldoutVerdict(StrEnum):
    """Whether the evaluation that the loop never saw says the same; it is asked only about what is better so far."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    NOT_ASKED = "not_asked"
    NONE = "none"


class Role(StrEnum):
    """Why a metric is shown: it is improved, it must not get worse, it is the time it takes, or it is only reported."""

    PRIMARY = "primary"
    GUARD = "guard"
    TIME = "time"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True)
class Pair:
    """Candidate and champion measured under the same seed (confirm) or on the same case (holdout)."""

    index: int
    seed: int
    candidate: Measurement
    champion: Measurement


@dataclass(frozen=True, slots=True)
class MetricRow:
    """Paired differences of one metric, positive = better, in its unit; ``candidate``, ``champion`` are raw means."""

    name: str
    role: Role
    better: str
    unit: str
    verdict: Verdict
    candidate: float
    champion: float
    mean: float
    low: float
    high: float
    level: float
    n: int
    p_value: float | None
    method: str
    differences: tuple[float, ...]

    @property
    def moved(self) -> tuple[float, float, float]:
        """How the metric itself moved, whichever direction is better: the mean, and the ends of its interval."""
        low, high = sorted((moved(self.low, self.better), moved(self.high, self.better)))
        return moved(self.mean, self.better), low, high


@dataclass(frozen=True, slots=True)
class Selection:
    """How a candidate was chosen, which flatters the score that it was chosen by.

    ``measured`` is that score and ``fresh`` the candidate's mean on the confirm seeds, which it was not chosen by; None
    without an answer there. ``tries`` counts the candidates of its run that were measured by then, ``confirmations``
    those that were confirmed, this one included. ``p_value`` is that of the primary metric times the confirmations, at
    most 1 (the Bonferroni correction; O. J. Dunn, Multiple Comparisons Among Means, JASA 56, 1961).
    """

    measured: float
    fresh: float | None
    tries: int
    confirmations: int
    p_value: float | None


@dataclass(frozen=True, slots=True)
class HoldoutRow:
    """The holdout: mean difference over its cases (positive = better); None where there is nothing to compare.

    ``gap`` is how much larger the gain was on the confirm seeds than here; ``uses`` counts how often this holdout
    was consulted, this time included.
    """

    verdict: HoldoutVerdict
    mean: float | None
    low: float | None
    high: float | None
    gap: float | None
    cases: int
    failed_cases: int
    uses: int
    method: str
    not_worse: bool


def moved(gain: float, better: str) -> float:
    """Return how a metric itself moved by a gain, whichever direction is better; never -0."""
    return 0.0 - gain if better == "lower" else gain


LEVEL = 0.95
"""The level of every interval but the one that decides, which is its look's."""

CPU_SECONDS = Metric(name="cpu seconds", better="lower", unit="s")


def usable(metric: str, pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Keep the pairs where both sides answered this metric."""
    return tuple(pair for pair in pairs if _has(metric, pair.candidate) and _has(metric, pair.champion))


def candidate_failures(metric: str, pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Return the pairs where the candidate gave no answer."""
    return tuple(pair for pair in pairs if not _has(metric, pair.candidate))


def verdict_of(comparison: Comparison, epsilon: float) -> Verdict:
    """Put a comparison into a word; a gain of at most epsilon is none."""
    if comparison.method == "exact":
        if abs(comparison.mean) <= epsilon:
            return Verdict.EXACT_EQUAL
        return Verdict.EXACT_BETTER if comparison.mean > 0 else Verdict.EXACT_WORSE
    if comparison.low > 0 and comparison.mean > epsilon:
        return Verdict.BETTER
    return Verdict.WORSE if comparison.high < 0 else Verdict.WITHIN_NOISE


def metric_rows(manifest: Manifest, pairs: Sequence[Pair], level: float) -> tuple[MetricRow, ...]:
    """Give a row per metric that at least two pairs answered, the primary first, then the time.

    ``level`` is that of the primary's interval, which decides; the others are told at ``LEVEL``.
    """
    rows = []
    for metric in manifest.metrics:
        answered = usable(metric.name, pairs)
        if len(answered) >= 2:
            own = level if metric is manifest.primary else LEVEL
            rows.append(_row(metric, _role(manifest, metric), answered, _value(metric.name), own))
    timed = usable(manifest.primary.name, pairs)
    if len(timed) >= 2:
        rows.append(_row(CPU_SECONDS, Role.TIME, timed, lambda measurement: measurement.cpu_seconds, LEVEL))
    return tuple(rows)


def holdout_row(manifest: Manifest, pairs: Sequence[Pair], *, gain: float | None, uses: int) -> HoldoutRow:
    """Compare the primary metric on the holdout cases; ``gain`` is the mean difference on the confirm seeds.

    It agrees when the candidate answers every case that the champion answers and is better on average.
    """
    metric = manifest.primary
    if not pairs:
        why = HoldoutVerdict.NOT_ASKED if manifest.holdout else HoldoutVerdict.NONE
        return HoldoutRow(why, None, None, None, None, 0, 0, uses, "none", not_worse=True)
    answered = usable(metric.name, pairs)
    failed = len([pair for pair in candidate_failures(metric.name, pairs) if _has(metric.name, pair.champion)])
    if not answered:
        return HoldoutRow(
            HoldoutVerdict.DISAGREES, None, None, None, None, len(pairs), failed, uses, "none", not_worse=False
        )
    value = _value(metric.name)
    differences = _differences(metric, answered, value)
    mean, low, high, method = _over_cases(differences)
    agrees = failed == 0 and mean > 0
    return HoldoutRow(
        verdict=HoldoutVerdict.AGREES if agrees else HoldoutVerdict.DISAGREES,
        mean=mean,
        low=low,
        high=high,
        gap=None if gain is None else gain - mean,
        cases=len(pairs),
        failed_cases=failed,
        uses=uses,
        method=method,
        not_worse=failed == 0 and mean >= -metric.epsilon,
    )


def is_blind_to_seeds(metric: str, pairs: Sequence[Pair]) -> bool:
    """Say whether the candidate answers the same on every seed where the champion's answers vary."""
    answered = usable(metric, pairs)
    mine = {pair.candidate.metrics[metric] for pair in answered}
    theirs = {pair.champion.metrics[metric] for pair in answered}
    return len(answered) >= 2 and len(mine) == 1 and len(theirs) > 1


def _row(
    metric: Metric, role: Role, pairs: Sequence[Pair], value: Callable[[Measurement], float], level: float
) -> MetricRow:
    comparison = compare(_differences(metric, pairs, value), level=level)
    return MetricRow(
        name=metric.name,
        role=role,
        better=metric.better,
        unit=metric.unit,
        verdict=verdict_of(comparison, metric.epsilon),
        candidate=math.fsum(value(pair.candidate) for pair in pairs) / len(pairs),
        champion=math.fsum(value(pair.champion) for pair in pairs) / len(pairs),
        mean=comparison.mean,
        low=comparison.low,
        high=comparison.high,
        level=comparison.level,
        n=comparison.n,
        p_value=comparison.p_value,
        method=comparison.method,
        differences=comparison.differences,
    )


def _differences(metric: Metric, pairs: Sequence[Pair], value: Callable[[Measurement], float]) -> tuple[float, ...]:
    mine = [value(pair.candidate) for pair in pairs]
    theirs = [value(pair.champion) for pair in pairs]
    return paired_differences(mine, theirs, sign=metric.sign)


def _over_cases(differences: tuple[float, ...]) -> tuple[float, float | None, float | None, str]:
    if len(differences) == 1:
        return differences[0], None, None, "one case"
    over = compare(differences, level=LEVEL)
    return over.mean, over.low, over.high, over.method


def _role(manifest: Manifest, metric: Metric) -> Role:
    if metric is manifest.primary:
        return Role.PRIMARY
    return Role.GUARD if metric.guard is not None else Role.REPORTED


def _value(name: str) -> Callable[[Measurement], float]:
    return lambda measurement: measurement.metrics[name]


def _has(name: str, measurement: Measurement) -> bool:
    return measurement.outcome is Outcome.OK and math.isfinite(measurement.metrics.get(name, math.nan))
