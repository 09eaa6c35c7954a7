"""How a champion and the shadow behind it stand on the labels of a stream, and when that speaks for the shadow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from improvement.engine.confidence_sequence import LEVEL, ConfidenceSequence


@dataclass(frozen=True, slots=True)
class Standing:
    """What both got right of the labels whose predictions are known of both, up to the record ``last``."""

    last: int
    first: int = 0
    champion: int = 0
    shadow: int = 0
    course: ConfidenceSequence = field(default_factory=ConfidenceSequence)

    @property
    def labels(self) -> int:
        """How many labels were compared."""
        return self.course.n

    @property
    def regressed(self) -> bool:
        """Whether the champion is worse, at 99 % over all looks together."""
        return self.course.interval[1] < 0.0

    def after(self, champion: Mapping[int, bool], shadow: Mapping[int, bool], *, last: int) -> Standing:
        """Return the standing after further labels up to ``last``: whether each was right, by its record's number."""
        common = sorted(number for number in champion.keys() & shadow.keys() if self.last < number <= last)
        return Standing(
            last=max(self.last, last),
            first=self.first or (common[0] if common else 0),
            champion=self.champion + sum(champion[number] for number in common),
            shadow=self.shadow + sum(shadow[number] for number in common),
            course=self.course.taking(float(champion[number]) - float(shadow[number]) for number in common),
        )

    def evidence(self) -> dict[str, Any]:
        """Return what people are shown: shares and differences in per cent, as texts."""
        low, high = self.course.interval
        return {
            "labels": self.labels,
            "first_record": self.first,
            "last_record": self.last,
            "champion": _per_cent(self.champion / self.labels),
            "shadow": _per_cent(self.shadow / self.labels),
            "difference": _per_cent(self.course.mean),
            "low": _per_cent(low),
            "high": _per_cent(high),
            "level": str(LEVEL),
        }

    def as_json(self) -> dict[str, Any]:
        """Return this as plain values."""
        return {
            "last": self.last,
            "first": self.first,
            "champion": self.champion,
            "shadow": self.shadow,
            "course": self.course.as_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Standing:
        """Return what ``as_json`` gave."""
        return cls(**{**values, "course": ConfidenceSequence(**values["course"])})


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f}"
