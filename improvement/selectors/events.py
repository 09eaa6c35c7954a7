"""Reading the numbered live events of a run."""

from __future__ import annotations

from typing import Any

from improvement.models import Run, RunEvent


def after(run_id: int, cursor: int, limit: int = 500) -> list[dict[str, Any]]:
    """Return the events of a run after a number, oldest first, as they were published."""
    rows = RunEvent.objects.filter(run_id=run_id, number__gt=cursor).order_by("number")[:limit]
    return [_published(row) for row in rows]


def latest(run_id: int, limit: int = 30) -> list[dict[str, Any]]:
    """Return the newest events that say something to people, newest first."""
    rows = RunEvent.objects.filter(run_id=run_id, payload__has_key="text").order_by("-number")[:limit]
    return [_published(row) for row in rows]


def cursor(run_id: int) -> int:
    """Return the number of a run's newest event."""
    return Run.objects.values_list("event_number", flat=True).get(pk=run_id)


def _published(row: RunEvent) -> dict[str, Any]:
    return {"run": row.run_id, "number": row.number, "kind": row.kind, "at": row.at.isoformat(), **row.payload}
