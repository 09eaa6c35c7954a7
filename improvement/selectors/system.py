"""Reading the installation's own state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from improvement.models import AuditHead, Evaluation, Halt


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """What the foot of every page says: evaluations that wait, the log's size, and when it was last checked."""

    queue: int
    log_size: int
    log_verified_size: int
    log_verified_at: datetime | None


def status() -> SystemStatus:
    """Return the installation's state, in two queries."""
    head = AuditHead.objects.filter(pk=1).first()
    queue = Evaluation.objects.filter(state=Evaluation.State.QUEUED).count()
    if head is None:
        return SystemStatus(queue, 0, 0, None)
    return SystemStatus(queue, head.size, head.verified_size, head.verified_at)


def halt() -> Halt | None:
    """Return the stop over everything that stands now, or ``None``."""
    return Halt.objects.filter(lifted_at__isnull=True).first()
