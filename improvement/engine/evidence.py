"""Evidence: the frozen comparison of a candidate with the champion, with one digest that votes can name.

In the payload every number with a fraction is the shortest decimal text that reads back as the
same number, so that the digest does not depend on who writes or stores it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from improvement.engine.checks import Check, Material, checks, findings
from improvement.engine.digests import decimal, digest
from improvement.engine.exhibits import (
    HoldoutRow,
    HoldoutVerdict,
    MetricRow,
    Role,
    Selection,
    Verdict,
    candidate_failures,
    holdout_row,
    metric_rows,
)
from improvement.engine.findings import Finding, Severity
from improvement.engine.measurement import Measurement
from improvement.exceptions import Invalid

FORMAT = 1
SHARE = 0.5  # a vote accepts, unless it says otherwise, at least half of the gain that was certain when it was cast


@dataclass(frozen=True, slots=True)
class Cost:
    """What confirming cost: evaluations, wall seconds and processor seconds, the champion's half included."""

    evaluations: int
    seconds: float
    cpu_seconds: float

    @classmethod
    def of(cls, measurements: Iterable[Measurement]) -> Cost:
        """Add up the cost of measurements."""
        every = tuple(measurements)
        return cls(len(every), sum(one.seconds for one in every), sum(one.cpu_seconds for one in every))


@dataclass(frozen=True)
class Evidence:
    """What people are shown and sign. ``seeds`` are the confirm seeds, ``sandbox_level`` the weakest one used."""

    target: str
    base: str
    patch_digest: str
    evaluator_digest: str
    verdict: Verdict
    summary: str
    metrics: tuple[MetricRow, ...]
    selection: Selection
    holdout: HoldoutRow
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    cost: Cost
    seeds: tuple[int, ...]
    sandbox_level: int
    isolation: str

    @property
    def better(self) -> bool:
        """Whether the candidate is confirmed better on the confirm seeds; all that the strategy may be told."""
        return self.verdict.is_better

    @property
    def primary(self) -> MetricRow | None:
        """The row of the primary metric, or None when too few pairs answered."""
        return next((row for row in self.metrics if row.role is Role.PRIMARY), None)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that forbid a release."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.BLOCK)

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The evidence as plain JSON, numbers with a fraction as decimal text."""
        names = [one.name for one in dataclasses.fields(self)]
        return {"format": FORMAT, **{name: _plain(getattr(self, name)) for name in names}}

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the payload's canonical JSON."""
        return digest(self.payload)

    @classmethod
    def read(cls, payload: Mapping[str, Any]) -> Evidence:
        """Read a payload back; raises Invalid when it is not one."""
        try:
            return _read(payload)
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid(f"This is not a piece of evidence that can be read ({error}).") from error


def build(material: Material) -> Evidence:
    """Compare a candidate with the champion and freeze what was found."""
    manifest = material.manifest
    rows = metric_rows(manifest, material.confirm, material.confirm_level)
    primary = next((row for row in rows if row.role is Role.PRIMARY), None)
    uses = material.holdout_uses + (1 if material.holdout else 0)
    gain = primary.mean if primary else None
    holdout = holdout_row(manifest, material.holdout, gain=gain, uses=uses)
    verdict = _verdict(material, primary)
    selection = _selection(material, primary)
    return Evidence(
        target=manifest.name,
        base=material.base,
        patch_digest=material.patch_digest,
        evaluator_digest=material.evaluator_digest,
        verdict=verdict,
        summary=_summary(verdict, primary, holdout),
        metrics=rows,
        selection=selection,
        holdout=holdout,
        checks=checks(material, rows, holdout),
        findings=findings(material, rows, selection, holdout),
        cost=Cost.of(material.measurements),
        seeds=tuple(pair.seed for pair in material.confirm),
        sandbox_level=material.sandbox_level,
        isolation="cooperative" if material.is_cooperative else "separate",
    )


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a vote accepts, should the change be measured again on a new champion.

    New evidence counts when the gain's lower end is at least ``low`` (above 0, in the metric's unit).
    """

    metric: str
    low: float
    holdout_not_worse: bool

    def as_json(self) -> dict[str, Any]:
        """Give the envelope as plain JSON, ``low`` as decimal text."""
        return {"metric": self.metric, "low": decimal(self.low), "holdout_not_worse": self.holdout_not_worse}

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Envelope:
        """Read an envelope from plain JSON; raises Invalid."""
        try:
            metric, low, strict = str(value["metric"]), float(value["low"]), value["holdout_not_worse"]
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid("An envelope needs metric, low (a number above 0) and holdout_not_worse.") from error
        if not 0 < low < float("inf") or not isinstance(strict, bool):
            raise Invalid("An envelope needs a low above 0, and holdout_not_worse as true or false.")
        return cls(metric, low, strict)


def envelope_around(evidence: Evidence) -> Envelope | None:
    """Propose the envelope for approving this evidence; None when nothing is confirmed in it."""
    row = evidence.primary
    if row is None or not evidence.better:
        return None
    return Envelope(row.name, SHARE * row.low, evidence.holdout.not_worse)


def envelope_contains(envelope: Envelope, evidence: Evidence) -> bool:
    """Say whether newer evidence is what the vote accepted: confirmed, unblocked, good enough."""
    row = evidence.primary
    if row is None or not evidence.better or evidence.blocking:
        return False
    if envelope.holdout_not_worse and not evidence.holdout.not_worse:
        return False
    return row.name == envelope.metric and row.low > 0 and row.low >= envelope.low


def payload_inside(envelope: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    """Say the same of an envelope and a payload as they are stored; what cannot be read is not accepted."""
    try:
        return envelope_contains(Envelope.read(envelope), Evidence.read(payload))
    except Invalid:
        return False


def _verdict(material: Material, primary: MetricRow | None) -> Verdict:
    if primary is None or candidate_failures(material.manifest.primary.name, material.confirm):
        return Verdict.FAILED
    by_model = primary.method == "t"  # too few pairs answered for a test that is exact whatever the noise
    return Verdict.WITHIN_NOISE if by_model and primary.verdict.is_better else primary.verdict


def _selection(material: Material, primary: MetricRow | None) -> Selection:
    p_value = primary.p_value if primary else None
    return Selection(
        measured=material.score,
        fresh=primary.candidate if primary else None,
        tries=material.tries,
        confirmations=material.confirmations,
        p_value=None if p_value is None else min(1.0, p_value * material.confirmations),
    )


_OPENINGS = {
    Verdict.BETTER: "Better by {mean}",
    Verdict.WORSE: "Worse by {mean}",
    Verdict.WITHIN_NOISE: "Within noise: a difference of {mean}",
    Verdict.EXACT_BETTER: "Better by exactly {mean}",
    Verdict.EXACT_WORSE: "Worse by exactly {mean}",
    Verdict.EXACT_EQUAL: "No better: a difference of {mean}",
}

_HOLDOUT_WORDS = {
    HoldoutVerdict.AGREES: "the holdout agrees",
    HoldoutVerdict.DISAGREES: "the holdout disagrees",
    HoldoutVerdict.NOT_ASKED: "the holdout was not asked",
    HoldoutVerdict.NONE: "there is no holdout",
}


def _summary(verdict: Verdict, primary: MetricRow | None, holdout: HoldoutRow) -> str:
    if primary is None or verdict is Verdict.FAILED:
        return "Not confirmed: the candidate did not answer every confirmation."
    size = primary.moved[0] if verdict in (Verdict.WITHIN_NOISE, Verdict.EXACT_EQUAL) else abs(primary.mean)
    opening = _OPENINGS[verdict].format(mean=f"{size:.4g} {primary.unit}".rstrip())
    return f"{opening} ({_basis(primary)}); {_HOLDOUT_WORDS[holdout.verdict]}."


def _basis(row: MetricRow) -> str:
    if row.method == "exact":
        return f"the same on all {row.n} paired seeds"
    _, low, high = row.moved
    return f"{100 * row.level:.3g}% interval {low:.4g} to {high:.4g}, {row.n} paired seeds"


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if dataclasses.is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return value


def _read(payload: Mapping[str, Any]) -> Evidence:
    if payload["format"] != FORMAT:
        raise ValueError(f"format {payload['format']!r} instead of {FORMAT}")
    cost = payload["cost"]
    return Evidence(
        target=payload["target"],
        base=payload["base"],
        patch_digest=payload["patch_digest"],
        evaluator_digest=payload["evaluator_digest"],
        verdict=Verdict(payload["verdict"]),
        summary=payload["summary"],
        metrics=tuple(_read_row(row) for row in payload["metrics"]),
        selection=_read_selection(payload["selection"]),
        holdout=_read_holdout(payload["holdout"]),
        checks=tuple(Check(**check) for check in payload["checks"]),
        findings=tuple(Finding(one["code"], Severity(one["severity"]), one["text"]) for one in payload["findings"]),
        cost=Cost(cost["evaluations"], float(cost["seconds"]), float(cost["cpu_seconds"])),
        seeds=tuple(payload["seeds"]),
        sandbox_level=payload["sandbox_level"],
        isolation=payload["isolation"],
    )


def _read_row(row: Mapping[str, Any]) -> MetricRow:
    numbers = {name: float(row[name]) for name in ("candidate", "champion", "mean", "low", "high", "level")}
    p_value = None if row["p_value"] is None else float(row["p_value"])
    differences = tuple(float(one) for one in row["differences"])
    words = {**row, "role": Role(row["role"]), "verdict": Verdict(row["verdict"])}
    return MetricRow(**{**words, **numbers, "p_value": p_value, "differences": differences})


def _read_selection(row: Mapping[str, Any]) -> Selection:
    numbers = {name: None if row[name] is None else float(row[name]) for name in ("measured", "fresh", "p_value")}
    return Selection(**{**row, **numbers})


def _read_holdout(row: Mapping[str, Any]) -> HoldoutRow:
    numbers = {name: None if row[name] is None else float(row[name]) for name in ("mean", "low", "high", "gap")}
    return HoldoutRow(**{**row, **numbers, "verdict": HoldoutVerdict(row["verdict"])})
