"""How long evaluations take on a target, from what was measured there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from improvement.models import Evaluation, Target

RECENT = 400


class Source(StrEnum):
    """What a figure rests on."""

    OWN = "own"
    OTHERS = "others"
    START = "start"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Pace:
    """The typical seconds of one evaluation in the sandbox, ``None`` while unknown, and what says so."""

    seconds: float | None
    source: Source


@dataclass(frozen=True, slots=True)
class Paces:
    """The typical seconds of an evaluation on one target: by strategy, of whatever strategy, and of the start."""

    by_strategy: Mapping[str, float]
    everybody: float | None
    start: float | None

    def of(self, strategy: str) -> Pace:
        """Return how long an evaluation takes with a strategy, from the nearest that was measured."""
        if strategy in self.by_strategy:
            return Pace(self.by_strategy[strategy], Source.OWN)
        if self.everybody is not None:
            return Pace(self.everybody, Source.OTHERS)
        return Pace(self.start, Source.NONE if self.start is None else Source.START)


def of_target(target: Target) -> Paces:
    """Return how long evaluations take on a target: the medians of its newest 400, in one query."""
    rows = Evaluation.objects.filter(target=target, candidate__isnull=False, stage="measure", outcome="ok")
    newest = list(rows.order_by("-pk").values_list("run__strategy", "seconds")[:RECENT])
    grouped: dict[str, list[float]] = defaultdict(list)
    for strategy, seconds in newest:
        grouped[strategy or ""].append(seconds)
    return Paces(
        by_strategy={strategy: median(seconds) for strategy, seconds in grouped.items()},
        everybody=median(seconds for _, seconds in newest) if newest else None,
        start=target.start_seconds,
    )
