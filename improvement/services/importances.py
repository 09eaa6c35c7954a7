"""Recording how much each parameter of a run had to do with its scores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from improvement import events
from improvement.models import Run
from improvement.selectors.importances import KIND


@transaction.atomic
def record(run_id: int, *, evaluations: int, of: int, shares: Mapping[str, float], now: datetime) -> None:
    """Record the shares as an event of the run, so that open pages show them; ``evaluations`` is its count by then."""
    run = Run.objects.select_for_update(of=("self",)).get(pk=run_id)
    events.record(run, KIND, {"evaluations": evaluations, "of": of, "shares": dict(shares)}, now=now)
