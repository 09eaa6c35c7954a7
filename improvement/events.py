"""Live events: numbered rows in the database, and a hint over Redis that there are new ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import transaction
from django.db.models import F

from improvement.models import Run, RunEvent

logger = logging.getLogger(__name__)


def record(run: Run, kind: str, payload: Mapping[str, Any], *, now: datetime) -> int:
    """Store the run's next numbered event and publish it when the transaction commits.

    Must be called inside a transaction; the update of the run's counter is what orders writers.
    """
    Run.objects.filter(pk=run.pk).update(event_number=F("event_number") + 1)
    run.event_number = Run.objects.values_list("event_number", flat=True).get(pk=run.pk)
    RunEvent.objects.create(run=run, number=run.event_number, kind=kind, payload=dict(payload), at=now)
    message = {"run": run.pk, "number": run.event_number, "kind": kind, "at": now.isoformat(), **payload}
    transaction.on_commit(lambda: publish(run.pk, message))
    return run.event_number


def announce(kind: str) -> None:
    """Hint at something that concerns every page and belongs to no run, when the transaction commits."""
    transaction.on_commit(lambda: publish(0, {"run": None, "kind": kind}))


def publish(run_id: int, message: Mapping[str, Any]) -> None:
    """Send a hint to every server process; that nobody can be reached is logged and harmless."""
    text = json.dumps(message, separators=(",", ":"))
    try:
        client = connection()
        client.publish(f"run:{run_id}", text)
    except redis.RedisError as error:
        logger.debug("nobody was told of event %s: %s", message.get("number"), error)


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    """Return this process's one synchronous connection."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=1)
