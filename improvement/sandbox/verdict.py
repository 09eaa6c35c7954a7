"""What the sandbox says about one evaluation, before it becomes a Measurement."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from improvement.engine.measurement import Outcome
from improvement.sandbox.process import Cause, Ending

VIOLATION_MESSAGE = "The candidate made a system call that the sandbox forbids, and was ended."
MOST_METRICS, LONGEST_NAME = 1000, 200
STOPPED_MESSAGE = "The evaluation was stopped."


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome with its cause (a stable word), one plain sentence, and what was measured. ``log`` is raw bytes."""

    outcome: Outcome
    cause: str
    message: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    feedback: str = ""
    log: bytes = b""
    endings: tuple[Ending, ...] = ()


def scored(metrics: Mapping[str, float], *, feedback: str, log: bytes, endings: Iterable[Ending]) -> Verdict:
    """Make the verdict of an evaluation with a result; a violation blocks all the same."""
    kept = tuple(endings)
    if _violated(kept):
        return failed("", "", log=log, endings=kept)
    return Verdict(Outcome.OK, "ok", "", metrics, feedback, log, kept)


def failed(
    cause: str, message: str, *, feedback: str = "", log: bytes = b"", endings: Iterable[Ending] = ()
) -> Verdict:
    """Make the verdict of an evaluation without a result; a violation blocks instead."""
    kept = tuple(endings)
    if _violated(kept):
        return Verdict(Outcome.BLOCKED, str(Cause.VIOLATION), VIOLATION_MESSAGE, log=log, endings=kept)
    return Verdict(Outcome.FAILED, cause, message, feedback=feedback, log=log, endings=kept)


def dropped(message: str, *, feedback: str, log: bytes, endings: Iterable[Ending]) -> Verdict:
    """Make the verdict of an evaluation that was not carried to its end; a violation blocks all the same."""
    kept = tuple(endings)
    if _violated(kept):
        return failed("", "", log=log, endings=kept)
    return Verdict(Outcome.DROPPED, "dropped", message, feedback=feedback, log=log, endings=kept)


def _violated(endings: tuple[Ending, ...]) -> bool:
    return any(ending.cause is Cause.VIOLATION for ending in endings)


def numbers(values: Any) -> dict[str, float]:
    """Check metrics that came out of a sandbox; ValueError or TypeError says which one is not a finite number.

    Their names are kept and shown as they are: short, printable (PostgreSQL keeps no NUL in JSON), and not too many.
    """
    if not isinstance(values, dict):
        raise TypeError("the metrics are not an object")
    if len(values) > MOST_METRICS:
        raise ValueError(f"there are more than {MOST_METRICS} metrics")
    if wrong := next((name for name in values if len(name) > LONGEST_NAME or not name.isprintable()), None):
        raise ValueError(f"a metric has a name that cannot be shown, {wrong[:LONGEST_NAME]!a}")
    return {name: _number(name, value) for name, value in values.items()}


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f'the metric "{name}" is not a number')
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f'the metric "{name}" is not finite')
    return number
