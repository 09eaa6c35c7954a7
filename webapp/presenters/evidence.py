"""Evidence as people read it: each comparison with its interval drawn against the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from improvement.engine.evidence import Evidence
from improvement.engine.exhibits import HoldoutRow, HoldoutVerdict, MetricRow, Role, Verdict, moved
from improvement.engine.findings import Finding as RawFinding
from improvement.engine.findings import Severity
from improvement.engine.wording import counted
from webapp.presenters import words
from webapp.presenters.words import Chip

BAR_WIDTH = 300.0
_EDGE = 8.0


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval in a 300 × 22 box: where zero (the champion), the interval and the mean are drawn."""

    tone: str
    zero: float
    start: float
    width: float
    mean: float
    summary: str


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One row of evidence: what was compared, the difference, the bar, and what it means."""

    key: str
    value: str
    tone: str
    why: str
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a reviewer should know, and how grave it is."""

    tone: str
    icon: str
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """The evidence beside the diff."""

    verdict: Chip
    lines: tuple[EvidenceLine, ...]
    findings: tuple[Finding, ...]


def bar(mean: float, low: float, high: float, *, summary: str) -> Bar:
    """Return how an interval is drawn; positive is better whatever the metric's direction.

    The box spans from the champion (zero) to the far end of the interval with some room, so that "does it touch
    zero" is what the eye sees first.
    """
    left, right = min(0.0, low), max(0.0, high)
    room = (right - left) * 0.15 or 1.0
    left, right = left - room, right + room
    inner = BAR_WIDTH - 2 * _EDGE

    def at(value: float) -> float:
        return round(_EDGE + inner * (value - left) / (right - left), 1)

    tone = "better" if low > 0 else "worse" if high < 0 else "noise"
    return Bar(tone, at(0.0), at(low), round(max(at(high) - at(low), 3.0), 1), at(mean), summary)


_VERDICTS = {
    Verdict.BETTER: Chip("ok", "check", "Better"),
    Verdict.EXACT_BETTER: Chip("ok", "check", "Better, exactly"),
    Verdict.WITHIN_NOISE: Chip("", "circle-slash", "Within noise"),
    Verdict.EXACT_EQUAL: Chip("", "circle-slash", "The same"),
    Verdict.WORSE: Chip("bad", "x", "Worse"),
    Verdict.EXACT_WORSE: Chip("bad", "x", "Worse, exactly"),
    Verdict.FAILED: Chip("bad", "x", "Not confirmed"),
}
_SEVERITIES = {
    Severity.BLOCK: ("down", "ban", "forbids a release"),
    Severity.SECOND_PERSON: ("warn", "triangle-alert", "asks for a second person"),
    Severity.NOTE: ("", "circle", "worth knowing"),
}
_ROLES = {Role.PRIMARY: "", Role.GUARD: " (guard)", Role.TIME: "", Role.REPORTED: " (only reported)"}


def view(payload: Mapping[str, Any]) -> EvidenceView:
    """Return stored evidence for reading: what is improved first, then the holdout, then the rest."""
    evidence = Evidence.read(payload)
    better = evidence.primary.better if evidence.primary else "higher"
    primary = [_metric(row) for row in evidence.metrics if row.role is Role.PRIMARY]
    others = [_metric(row) for row in evidence.metrics if row.role is not Role.PRIMARY]
    return EvidenceView(
        verdict=_verdict(evidence),
        lines=(*primary, *_selection(evidence), _holdout(evidence.holdout, better), *others, _checks(evidence)),
        findings=tuple(_finding(one) for one in evidence.findings),
    )


def _verdict(evidence: Evidence) -> Chip:
    chip, primary = _VERDICTS[evidence.verdict], evidence.primary
    if evidence.better and evidence.holdout.verdict is HoldoutVerdict.DISAGREES:
        return Chip("wait", "triangle-alert", f"{chip.text}, but not on the holdout")
    if primary is None or primary.p_value is None or not evidence.better:
        return chip
    p_value = "p < 0.001" if primary.p_value < 0.001 else f"p = {primary.p_value:.3f}"
    return replace(chip, text=f"{chip.text}, {p_value}")


def _metric(row: MetricRow) -> EvidenceLine:
    lower = row.better == "lower" and row.role is not Role.TIME
    key = f"{row.name}{_ROLES[row.role]}{', lower is better' if lower else ''}, {counted(row.n, 'paired seed')}"
    write = _time if row.role is Role.TIME else words.signed
    mean, low, high = (row.mean, row.low, row.high) if row.role is Role.TIME else row.moved
    value = write(mean)
    if row.method == "exact":
        why = "the same on every seed, so there is no interval"
    else:
        noise = ": within noise" if row.low <= 0 <= row.high else ""
        why = f"{100 * row.level:.0f} % interval {write(low)} to {write(high)} against the champion{noise}"
    drawn = bar(row.mean, row.low, row.high, summary=f"{row.name}: {value}, {why}")
    return EvidenceLine(key, value, {"better": "up", "worse": "down", "noise": ""}[drawn.tone], why, drawn)


def _time(difference: float) -> str:
    """Return a difference in time as people say it; positive is better, so faster."""
    return f"{words.number(abs(difference))} s {'faster' if difference >= 0 else 'slower'}"


def _holdout(row: HoldoutRow, better: str) -> EvidenceLine:
    key = "Holdout, never shown to the loop"
    if row.verdict is HoldoutVerdict.NONE:
        return EvidenceLine(
            key, "none", "warn", "this target has none, which raises the risk of every change by one tier"
        )
    if row.verdict is HoldoutVerdict.NOT_ASKED:
        return EvidenceLine(key, words.NOTHING, "", "not asked: it judges only what is better on fresh seeds")
    used = f"{counted(row.cases, 'case')}, consulted {counted(row.uses, 'time')} so far"
    if row.failed_cases:
        used = f"{row.failed_cases} of {counted(row.cases, 'case')} failed"
    says = "it agrees" if row.verdict is HoldoutVerdict.AGREES else "it does not agree"
    gap = (
        f"; {words.number(row.gap)} less gain than on the seeds of the loop"
        if row.gap is not None and row.gap > 0
        else ""
    )
    drawn = None
    change = words.signed(None if row.mean is None else moved(row.mean, better))
    if row.mean is not None and row.low is not None and row.high is not None:
        drawn = bar(row.mean, row.low, row.high, summary=f"holdout: {change}, {says}")
    tone = "up" if row.verdict is HoldoutVerdict.AGREES else "down"
    return EvidenceLine(key, change, tone, f"{says}: {used}{gap}", drawn)


def _selection(evidence: Evidence) -> list[EvidenceLine]:
    """Say what became of the score that a candidate was chosen for: the best of many tries flatters itself."""
    chosen, primary = evidence.selection, evidence.primary
    if chosen.fresh is None or primary is None or primary.method == "exact":
        return []
    fell = chosen.fresh - chosen.measured
    why = f"it scored {words.number(chosen.measured)} when it was chosen, {words.number(chosen.fresh)} on fresh seeds"
    if chosen.p_value is not None and chosen.confirmations > 1:
        why += f"; p = {chosen.p_value:.2g} counted over {chosen.confirmations} confirmations of its run"
    return [EvidenceLine(f"Chosen from {counted(chosen.tries, 'try', 'tries')}", words.signed(fell), "", why)]


def _checks(evidence: Evidence) -> EvidenceLine:
    failed = [check.text for check in evidence.checks if not check.ok]
    good = len(evidence.checks) - len(failed)
    measured = f"{counted(evidence.cost.evaluations, 'evaluation')} in {words.seconds(evidence.cost.seconds)}"
    level = f"sandbox level {evidence.sandbox_level}, {evidence.isolation} evaluator"
    why = " ".join(failed) if failed else f"{measured}, {level}"
    return EvidenceLine("Checks", f"{good} of {len(evidence.checks)}", "down" if failed else "up", why)


def _finding(one: RawFinding) -> Finding:
    tone, icon, severity = _SEVERITIES[one.severity]
    return Finding(tone, icon, severity, one.text)
