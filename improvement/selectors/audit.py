"""Reading the audit log: pages of it, its checkpoints, and checks against its own signed head."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from improvement.exceptions import LedgerError
from improvement.ledger.event import timestamp
from improvement.ledger.event_types import EVENT_TYPES
from improvement.ledger.merkle import Frontier, leaf_hash
from improvement.models import AuditEvent, AuditHead, Checkpoint

CHUNK = 2000
THE_LOOPS_OWN = frozenset(name for name, kind in EVENT_TYPES.items() if kind.by_loop)


@dataclass(frozen=True, slots=True)
class Filters:
    """What to narrow the log to; empty means everything. ``decisions`` leaves out what the loop records of itself."""

    type: str = ""
    actor: str = ""
    run_id: int | None = None
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None
    decisions: bool = False


def page(filters: Filters, number: int = 1, size: int = 50) -> Page[AuditEvent]:
    """Return one page of the log, newest first."""
    return Paginator(matching(filters).order_by("-seq"), size).get_page(number)


def matching(filters: Filters) -> QuerySet[AuditEvent]:
    """Return the events that match, oldest first."""
    rows = AuditEvent.objects.order_by("seq")
    exact = {"type": filters.type, "actor": filters.actor, "run_id": filters.run_id, "target": filters.target}
    rows = rows.filter(**{column: value for column, value in exact.items() if value})
    if filters.decisions:
        rows = rows.exclude(type__in=THE_LOOPS_OWN)
    if filters.since:
        rows = rows.filter(ts__gte=timestamp(filters.since))
    if filters.until:
        rows = rows.filter(ts__lt=timestamp(filters.until))
    return rows


def body(event: AuditEvent) -> dict[str, Any]:
    """Return what an event states."""
    parsed: dict[str, Any] = json.loads(stored_bytes(event.body))
    return parsed


def stored_bytes(value: bytes | memoryview | str) -> bytes:
    """Return what a binary column holds; SQLite keeps text there, too, when somebody wrote it past the program."""
    return value.encode() if isinstance(value, str) else bytes(value)


def measured_tree(subject: str, evidence_digest: str) -> str | None:
    """Return the git tree that the evidence of this digest is about, as the log states it."""
    recorded = AuditEvent.objects.filter(type="evidence.recorded", subject=subject).order_by("-seq")
    stated = (body(event) for event in recorded)
    about = (one["subject"] for one in stated if one["context"]["evidence_sha256"] == evidence_digest)
    return next((subject.get("tree") for subject in about), None)


def types() -> list[str]:
    """Return the types of events that are in the log."""
    return list(AuditEvent.objects.order_by("type").values_list("type", flat=True).distinct())


def actors() -> list[str]:
    """Return the names of everybody who acted."""
    return list(AuditEvent.objects.order_by("actor").values_list("actor", flat=True).distinct())


def lines() -> Iterator[bytes]:
    """Return the recorded bytes of every event, oldest first, without loading the log at once."""
    for stored in AuditEvent.objects.order_by("seq").values_list("body", flat=True).iterator(CHUNK):
        yield stored_bytes(stored)


def checkpoints() -> list[str]:
    """Return every signed checkpoint, smallest first."""
    return list(Checkpoint.objects.order_by("size").values_list("text", flat=True))


def latest_checkpoint() -> Checkpoint | None:
    """Return the newest signed checkpoint."""
    return Checkpoint.objects.order_by("-size").first()


def head() -> AuditHead | None:
    """Return the head of the log."""
    return AuditHead.objects.filter(pk=1).first()


def unsigned_since(now: datetime) -> timedelta:
    """Return for how long the newest events have had no signed checkpoint; zero when nothing is unsigned."""
    newest, signed = head(), latest_checkpoint()
    if newest is None or (signed is not None and signed.size == newest.size):
        return timedelta(0)
    return now - (signed.at if signed is not None else datetime.min.replace(tzinfo=UTC))


def unverified_since(now: datetime) -> timedelta:
    """Return how long ago the whole log was last checked; zero when there is no log."""
    newest = head()
    if newest is None:
        return timedelta(0)
    return now - (newest.verified_at or datetime.min.replace(tzinfo=UTC))


def check_quickly() -> int:
    """Recompute the tree over the stored bytes and return the size that held; raises ``LedgerError`` otherwise."""
    newest = head()
    frontier = Frontier()
    for line in lines():
        frontier.append(leaf_hash(line))
        if newest is not None and frontier.size == newest.size:
            break
    if newest is None or frontier.size != newest.size or frontier.dump() != stored_bytes(newest.frontier):
        raise LedgerError("The audit log does not match its own head. Export a bundle now and verify it elsewhere.")
    return frontier.size
