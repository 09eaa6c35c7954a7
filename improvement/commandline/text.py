"""Calm plain text: aligned columns, times in UTC, scores as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from improvement.exceptions import Invalid

NOTHING = "–"


def columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return lines with aligned columns under a head; only the head when there are no rows."""
    table = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def facts(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return one line for each name and value, the values aligned."""
    known = list(pairs)
    width = max((len(name) for name, _ in known), default=0)
    return [f"{name.ljust(width)}  {value}".rstrip() for name, value in known]


def score(value: float | None) -> str:
    """Return a score with up to ten digits, or a dash when there is none."""
    return NOTHING if value is None else f"{value:.10g}"


def moment(at: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_or_none(at: datetime | None) -> str | None:
    """Return a time as ``moment`` does, and ``None`` for none."""
    return None if at is None else moment(at)


def run_id(text: str) -> int:
    """Return the number of a run given as ``R-7`` or ``7``; raises ``Invalid``."""
    return _number(text, "R", "run")


def candidate_id(text: str) -> int:
    """Return the number of a candidate given as ``C-12`` or ``12``; raises ``Invalid``."""
    return _number(text, "C", "candidate")


def _number(text: str, letter: str, what: str) -> int:
    match = re.fullmatch(rf"(?:{letter}-)?([0-9]{{1,15}})", text.strip(), re.IGNORECASE)
    if match is None:
        raise Invalid(f"{text!r} is no {what}: write {letter}-7 or 7.")
    return int(match[1])
