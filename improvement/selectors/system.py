"""Reading the installation's own state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from improvement.models import AuditHead, Evaluation, Halt


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """What the foot of every page says: evaluations that wait, and when the log was last checked."""

    queue: int
    log_verified_at: datetime | None


def status() -> SystemStatus:
    """Return the installation's state, in two queries."""
    head = AuditHead.objects.filter(pk=1).first()
    queue = Evaluation.objects.filter(state=Evaluation.State.QUEUED).count()
    return SystemStatus(queue, head.verified_at if head else None)


def halt() -> Halt | None:
    """Return the stop over everything that stands now, or ``None``."""
    return Halt.objects.filter(lifted_at__isnull=True).first()


def halted() -> bool:
    """Tell whether everything is stopped."""
    return Halt.objects.filter(lifted_at__isnull=True).exists()
