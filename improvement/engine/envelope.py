"""The envelope: the evidence that a vote accepts, should the change have to be measured again on a new champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from improvement.engine.digests import decimal
from improvement.engine.evidence import Evidence
from improvement.exceptions import Invalid

SHARE = 0.5  # a vote accepts, unless it says otherwise, at least half of the gain that was certain when it was cast


@dataclass(frozen=True, slots=True)
class Envelope:
    """New evidence counts when the gain's lower end is at least ``low`` (above 0, in the metric's unit)."""

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
