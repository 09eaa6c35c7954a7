"""One evaluation: claimed, measured in the sandbox, recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from improvement import installation
from improvement.engine.manifest import Metric
from improvement.engine.measurement import Measurement, Stage, Step
from improvement.exceptions import LateAttempt
from improvement.models import Evaluation
from improvement.sandbox import levels
from improvement.sandbox.measure import measure
from improvement.selectors import filesets, loop
from improvement.selectors.targets import task_at
from improvement.services import evaluations
from improvement.services.evaluations import Order

logger = logging.getLogger(__name__)


def evaluate(evaluation_id: int, *, worker: str) -> None:
    """Carry out one evaluation, if it is still due."""
    order = claim(evaluation_id, worker=worker)
    if order is not None:
        record(order, carry_out(order))


def claim(evaluation_id: int, *, worker: str) -> Order | None:
    """Lease an evaluation for as long as its manifest allows it to take, or return ``None``."""
    levels.require(settings.SANDBOX_MIN_LEVEL)
    row = Evaluation.objects.select_related("target").filter(pk=evaluation_id).first()
    if row is None or row.state in {Evaluation.State.DONE, Evaluation.State.CANCELLED}:
        return None
    seconds = task_at(row.target.name, row.base_commit).manifest.evaluate.longest_seconds
    return evaluations.claim(evaluation_id, worker=worker, seconds=2 * seconds, now=timezone.now())


def carry_out(order: Order) -> Measurement:
    """Measure what an order names; touches no table, so it may run in any thread once ``files`` are read."""
    return prepare(order)()


def prepare(order: Order) -> Callable[[], Measurement]:
    """Read what an order needs from the database, and return the measurement as a call without database work."""
    task = task_at(order.target_name, order.base_commit)
    files = filesets.load(order.files_digest)
    stage = Stage(order.stage)
    flags = _flags(order)
    champion = _champion(order)
    return lambda: measure(
        task,
        files,
        stage=stage,
        seed=order.seed,
        case=order.case if stage is Stage.HOLDOUT else 0,
        champion=champion,
        stop=lambda: any(flag.exists() for flag in flags),
    )


def _champion(order: Order) -> tuple[Step, ...]:
    """What came of the champion that a candidate of a run is measured against; nothing for all others."""
    if order.run_id is None or order.candidate_id is None or order.stage != Stage.MEASURE:
        return ()
    return loop.champion_steps(order.run_id, order.base_commit)


def record(order: Order, measurement: Measurement) -> None:
    """Record an answer; one that comes too late is only logged."""
    try:
        evaluations.record(order, measurement, metric=metric_of(order), now=timezone.now())
    except LateAttempt as late:
        logger.info("%s", late.message)


def metric_of(order: Order) -> Metric:
    """Return the primary metric of what an order measures."""
    return task_at(order.target_name, order.base_commit).manifest.primary


def _flags(order: Order) -> tuple[Path, ...]:
    """A stopped run ends its exploration at once; what is confirmed for people is measured to its end."""
    exploring = order.run_id is not None and order.stage in {"measure", "screen"}
    run = (installation.stop_file(order.run_id),) if exploring and order.run_id is not None else ()
    return (installation.halt_file(), *run)
