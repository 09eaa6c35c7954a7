"""Evaluations: leased to one worker at a time, attempted with a number, answered once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from improvement import dispatch, events
from improvement.engine.manifest import Metric
from improvement.engine.measurement import Measurement, Outcome
from improvement.engine.nomination import is_beyond_bound
from improvement.exceptions import LateAttempt
from improvement.models import Candidate, Evaluation, Run
from improvement.selectors import system
from improvement.services import audit
from improvement.services.actors import SYSTEM
from improvement.services.transitions import move_candidate
from improvement.states import CandidateState

GRACE = timedelta(seconds=10)
MAX_ATTEMPTS = 3
STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker must measure. ``attempt`` and ``worker`` must come back with the answer."""

    evaluation_id: int
    attempt: int
    worker: str
    run_id: int | None
    candidate_id: int | None
    target_name: str
    base_commit: str
    files_digest: str
    stage: str
    seed: int
    case: int


@transaction.atomic
def claim(evaluation_id: int, *, worker: str, seconds: float, now: datetime) -> Order | None:
    """Lease an evaluation for ``seconds`` and a grace, or return ``None`` when there is nothing to do here.

    Under halt nothing is leased.
    """
    if system.halted():
        return None
    due = Q(state=Evaluation.State.QUEUED) | Q(state=Evaluation.State.LEASED, lease_until__lt=now)
    taken = Evaluation.objects.filter(due, pk=evaluation_id).update(
        state=Evaluation.State.LEASED,
        attempt=F("attempt") + 1,
        worker=worker,
        lease_until=now + timedelta(seconds=seconds) + GRACE,
    )
    if not taken:
        return None
    row = Evaluation.objects.select_related("target").get(pk=evaluation_id)
    return Order(
        evaluation_id=row.pk,
        attempt=row.attempt,
        worker=row.worker,
        run_id=row.run_id,
        candidate_id=row.candidate_id,
        target_name=row.target.name,
        base_commit=row.base_commit,
        files_digest=row.files_id,
        stage=row.stage,
        seed=row.seed,
        case=row.index,
    )


@audit.turn()
def record(order: Order, measurement: Measurement, *, metric: Metric, now: datetime) -> Evaluation:
    """Record the answer of an attempt, once. Raises ``LateAttempt`` when the lease passed to another."""
    row = _held(order)
    if measurement.cause == STOPPED:
        return _give_back(row)
    score = measurement.metrics.get(metric.name) if measurement.outcome is Outcome.OK else None
    row.state, row.lease_until, row.done_at = Evaluation.State.DONE, None, now
    row.outcome, row.cause, row.message = measurement.outcome.value, measurement.cause[:40], measurement.message[:500]
    row.score, row.metrics, row.feedback, row.log = (
        score,
        dict(measurement.metrics),
        measurement.feedback,
        measurement.log,
    )
    row.steps = [asdict(step) for step in measurement.steps]
    row.seconds, row.cpu_seconds, row.memory_mb = measurement.seconds, measurement.cpu_seconds, measurement.memory_mb
    row.level, row.isolation, row.evaluator_digest = (
        measurement.level,
        measurement.isolation,
        measurement.evaluator_digest,
    )
    row.save()
    if row.run is not None:
        _count(row, row.run)
    if row.stage == "measure" and row.candidate is not None:
        _record_measured(row, row.candidate.pk, metric, now)
    _wake(row)
    return row


def _held(order: Order) -> Evaluation:
    row = (
        Evaluation.objects.select_for_update(of=("self",))
        .select_related("run__target", "candidate")
        .get(pk=order.evaluation_id)
    )
    if (row.state, row.attempt, row.worker) != (Evaluation.State.LEASED, order.attempt, order.worker):
        raise LateAttempt(f"Attempt {order.attempt} of evaluation {row.pk} came too late and is not counted.")
    return row


def _give_back(row: Evaluation) -> Evaluation:
    row.state, row.lease_until, row.attempt = Evaluation.State.QUEUED, None, max(0, row.attempt - 1)
    row.save(update_fields=["state", "lease_until", "attempt"])
    return row


def _count(row: Evaluation, run: Run) -> None:
    changes = {"cpu_seconds": F("cpu_seconds") + row.cpu_seconds, "wall_seconds": F("wall_seconds") + row.seconds}
    if row.stage == "measure" and row.candidate_id is not None:
        changes["evaluations"] = F("evaluations") + 1
        if row.outcome != Outcome.OK.value:
            changes[row.outcome] = F(row.outcome) + 1
    Run.objects.filter(pk=run.pk).update(**changes)


def _record_measured(row: Evaluation, candidate_id: int, metric: Metric, now: datetime) -> None:
    candidate = (
        Candidate.objects.select_for_update(of=("self",)).select_related("run__target", "target").get(pk=candidate_id)
    )
    if candidate.state != CandidateState.MEASURING.value:
        return
    state = _state_after(row, metric)
    move_candidate(
        candidate,
        state,
        actor=SYSTEM,
        now=now,
        data={"reason": row.message or f"score {row.score} is beyond the declared bound {metric.bound}"},
        score=row.score,
        measured_at=now,
        message="" if row.outcome == Outcome.OK.value else row.message,
    )
    if candidate.run is not None:
        _announce(candidate, candidate.run, metric, now)


def _state_after(row: Evaluation, metric: Metric) -> CandidateState:
    if row.outcome == Outcome.BLOCKED.value:
        return CandidateState.BLOCKED
    if row.outcome == Outcome.DROPPED.value:
        return CandidateState.MEASURED
    if row.outcome != Outcome.OK.value or row.score is None:
        return CandidateState.FAILED
    return CandidateState.QUARANTINED if is_beyond_bound(metric, row.score) else CandidateState.MEASURED


def _announce(candidate: Candidate, run: Run, metric: Metric, now: datetime) -> None:
    if candidate.state == CandidateState.MEASURED.value and candidate.score is not None:
        best = run.best_score is None or metric.sign * candidate.score > metric.sign * run.best_score
        if best:
            Run.objects.filter(pk=run.pk).update(best_score=candidate.score, best_candidate=candidate)
        payload = {"id": candidate.pk, "x": candidate.evaluation_index, "y": candidate.score, "best": best}
        events.record(
            run, "candidate.measured", {**payload, "text": f"C-{candidate.pk} measured {candidate.score:.4f}"}, now=now
        )
        return
    kind = "dropped" if candidate.state == CandidateState.MEASURED.value else candidate.state
    words = {CandidateState.QUARANTINED.value: "quarantined, its score is too good to be true"}
    text = words.get(kind, f"{kind}: {candidate.message}")
    events.record(run, f"candidate.{kind}", {"id": candidate.pk, "text": f"C-{candidate.pk} {text}"}, now=now)


def _wake(row: Evaluation) -> None:
    """When this was the last answer that something waited for, let that go on."""
    outstanding = Evaluation.objects.filter(state__in=[Evaluation.State.QUEUED, Evaluation.State.LEASED])
    if row.stage in {"confirm", "holdout"}:
        candidate_id = row.candidate_id or row.subject_id or 0
        of_candidate = Q(candidate_id=candidate_id) | Q(subject_id=candidate_id)
        if not outstanding.filter(of_candidate, stage__in=["confirm", "holdout"]).exists():
            dispatch.enqueue_on_commit("conclude", candidate_id=candidate_id)
    elif row.run_id is not None and not outstanding.filter(run_id=row.run_id, stage__in=["measure", "screen"]).exists():
        dispatch.enqueue_on_commit("advance_run", run_id=row.run_id)
    elif row.run_id is None and row.candidate_id is not None:
        dispatch.enqueue_on_commit("consider_edit", candidate_id=row.candidate_id)


@audit.turn()
def take_over_lost(*, now: datetime) -> list[int]:
    """Queue again what dead workers held, give up on what no worker survives, and return what is to be enqueued."""
    expired = Evaluation.objects.select_for_update(of=("self",)).filter(
        state=Evaluation.State.LEASED, lease_until__lt=now
    )
    for row in expired.select_related("run__target", "candidate"):
        _take_over(row, now)
    forgotten = now - GRACE
    due = Evaluation.objects.filter(state=Evaluation.State.QUEUED, queued_at__lt=forgotten)
    ids = list(due.values_list("pk", flat=True)[:500])
    Evaluation.objects.filter(pk__in=ids).update(queued_at=now)
    return ids


def _take_over(row: Evaluation, now: datetime) -> None:
    if row.attempt >= MAX_ATTEMPTS:
        row.state, row.done_at, row.lease_until = Evaluation.State.DONE, now, None
        row.outcome, row.cause = Outcome.FAILED.value, "lost"
        row.message = f"{row.attempt} workers were lost while they measured this"
        row.save(update_fields=["state", "done_at", "lease_until", "outcome", "cause", "message"])
        if row.run is not None:
            _count(row, row.run)
        if row.candidate is not None and row.candidate.state == CandidateState.MEASURING.value:
            move_candidate(row.candidate, CandidateState.FAILED, actor=SYSTEM, now=now, message=row.message)
        _wake(row)
        return
    row.state, row.lease_until = Evaluation.State.QUEUED, None
    row.queued_at = now - 2 * GRACE
    row.save(update_fields=["state", "lease_until", "queued_at"])
    if row.run is not None:
        events.record(row.run, "taken_over", {"text": f"{row.worker} lost, 1 evaluation taken over"}, now=now)
