"""The whole loop in one process, with the same steps and the same rows: for `improve --wait` without a server."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.db.models import Q
from django.utils import timezone

from improvement import dispatch
from improvement.engine.measurement import Measurement
from improvement.models import Candidate, Evaluation, Release, Run, Target
from improvement.runner import advancing, confirming, conversations, evaluating, releasing
from improvement.runner.identity import worker_name
from improvement.selectors import loop, system
from improvement.services import reviews
from improvement.services.evaluations import Order
from improvement.states import RUN_ENDS, CandidateState, RunState

Watch = Callable[[Run], None]
_WAITS = {RunState.PAUSED.value, RunState.PARKED.value}


def run_foreground(run_id: int, *, workers: int, watch: Watch | None = None) -> Run:
    """Advance a run until it is over or waits for people, and return it.

    Measures with ``workers`` threads; only this thread touches the database. Under halt it returns at once.
    """
    me = worker_name()
    with dispatch.done_by_this_process(), conversations.ended_after(run_id), ThreadPoolExecutor(workers) as pool:
        while True:
            advancing.advance(run_id, worker=me, with_help=True)
            measured = _measure_all(run_id, pool, workers, me, watch)
            concluded = _conclude(run_id)
            run = Run.objects.select_related("target", "best_candidate").get(pk=run_id)
            if watch is not None:
                watch(run)
            if system.halted():
                return run
            waits = run.state in RUN_ENDS or not (measured or concluded or _is_advancing(run))
            if waits and not _confirm_once(run.target, pool, workers, me):
                return run


def settle_target(target_name: str, *, workers: int = 2) -> bool:
    """Carry out what is due for a target without a server: releases, measurements and confirmations.

    Tells whether anything was.
    """
    me, target = worker_name(), Target.objects.get(name=target_name)
    with dispatch.done_by_this_process(), ThreadPoolExecutor(workers) as pool:
        settled = False
        while _settle_once(target, pool, workers, me):
            settled = True
        return settled


def _settle_once(target: Target, pool: ThreadPoolExecutor, workers: int, me: str) -> bool:
    """Do what can be done now and tell whether more may follow from it."""
    if system.halted():
        return False
    released, confirmed = _release(target), _confirm_once(target, pool, workers, me)
    return released or confirmed


def _confirm_once(target: Target, pool: ThreadPoolExecutor, workers: int, me: str) -> bool:
    """Take what waits to be confirmed one step on, to the gate and no further; tell whether more may follow from it."""
    _begin_confirmations(target)
    loose = Q(run__isnull=True) | Q(stage__in=["confirm", "holdout"])
    outstanding = Evaluation.objects.filter(loose, target=target, state=Evaluation.State.QUEUED)
    measured = _measure(list(outstanding.values_list("pk", flat=True)), pool, workers, me, None)
    considered = loop.edits_to_consider(target.pk)
    for candidate_id in considered:
        confirming.consider_edit(candidate_id)
    confirmed = loop.due_confirmations(target.pk)
    for candidate_id in confirmed:
        confirming.conclude(candidate_id)
    return bool(measured or considered or confirmed)


def _release(target: Target) -> bool:
    """Carry out the release that is due, if any, and tell whether it is over."""
    reviews.settle_approved(now=timezone.now())
    due = Release.objects.filter(target=target, state=Release.State.INTENDED)
    release = due.first()
    if release is None:
        return False
    releasing.finish_release(release.pk)
    return not due.exists()


def _begin_confirmations(target: Target) -> None:
    """Order the confirmation of what people cleared, and of the stale candidate that is next in the queue."""
    for candidate_id in loop.cleared_candidates(target.pk):
        confirming.confirm_cleared(candidate_id)
    stale = loop.stale_next(target.pk)
    if stale is not None:
        confirming.confirm_again(stale.pk)


def _is_advancing(run: Run) -> bool:
    """A queued or running run whose next step needs nobody else."""
    return run.state not in _WAITS and not loop.is_measuring(run.pk) and not loop.is_confirming(run.pk)


def _conclude(run_id: int) -> bool:
    confirming_now = Candidate.objects.filter(run_id=run_id, state=CandidateState.CONFIRMING.value)
    due = [pk for pk in confirming_now.values_list("pk", flat=True) if not loop.confirmation_outstanding(pk)]
    for candidate_id in due:
        confirming.conclude(candidate_id)
    return bool(due)


def _measure_all(run_id: int, pool: ThreadPoolExecutor, workers: int, me: str, watch: Watch | None) -> bool:
    queued = Evaluation.objects.filter(run_id=run_id, state=Evaluation.State.QUEUED).order_by("pk")
    run = Run.objects.select_related("target", "best_candidate").get(pk=run_id)
    return _measure(list(queued.values_list("pk", flat=True)), pool, workers, me, (lambda: _show(run, watch)))


def _show(run: Run, watch: Watch | None) -> None:
    if watch is not None:
        run.refresh_from_db(fields=["evaluations", "best_score", "state", "confirm_evaluations"])
        watch(run)


def _measure(
    ids: list[int], pool: ThreadPoolExecutor, workers: int, me: str, after_each: Callable[[], None] | None
) -> bool:
    """Claim and measure in order, never more at once than there are threads, recording as answers come."""
    flying: dict[Future[Measurement], Order] = {}
    measured = False
    while ids or flying:
        while ids and len(flying) < workers:
            order = evaluating.claim(ids.pop(0), worker=me)
            if order is not None:
                flying[pool.submit(evaluating.prepare(order))] = order
        if not flying:
            break
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            evaluating.record(flying.pop(future), future.result())
            measured = True
            if after_each is not None:
                after_each()
    return measured
