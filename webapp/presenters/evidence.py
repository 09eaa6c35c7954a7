"""Evidence as people read it: each comparison with its interval drawn against the champion."""

from __future__ import annotations

from dataclasses import dataclass

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
