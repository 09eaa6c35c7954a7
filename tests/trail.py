"""What the audit log holds, and whether all of it stands before an auditor."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from improvement.ledger.verify import Verdict
from improvement.models import AuditEvent
from improvement.selectors import audit as read
from improvement.services import trail


def recorded(kind: str) -> list[dict[str, Any]]:
    """Return what the events of a type state, oldest first."""
    return [read.body(event)["data"] for event in AuditEvent.objects.filter(type=kind)]


def events(kind: str) -> list[dict[str, Any]]:
    """Return the events of a type with everything that they name, oldest first."""
    return [read.body(event) for event in AuditEvent.objects.filter(type=kind)]


def kinds_since(seq: int) -> list[str]:
    """Return the types of the events from a number on."""
    return list(AuditEvent.objects.filter(seq__gte=seq).values_list("type", flat=True))


def size() -> int:
    """Return how many events there are."""
    return AuditEvent.objects.count()


def verdict() -> Verdict:
    """Return what an auditor says of the whole log."""
    return trail.verify_log(now=timezone.now())


def assert_holds(*warnings: str) -> None:
    """Verify the whole log as an auditor would; exactly these things are worth a warning."""
    said = verdict()
    assert said.problems == ()
    assert [warning.partition(": ")[2] for warning in said.warnings] == list(warnings)
