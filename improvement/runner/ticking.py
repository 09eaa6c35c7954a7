"""The heartbeat: whatever a lost message, a dead worker or a passed deadline left undone is picked up here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from improvement import dispatch
from improvement.models import Release, Target
from improvement.runner import feeding, heads, tables
from improvement.selectors import audit as read_audit
from improvement.selectors import importances, loop, streams, system, targets
from improvement.selectors import tables as read_tables
from improvement.services import audit, evaluations, halt, model_calls, reviews

logger = logging.getLogger(__name__)

VERIFY_EVERY = timedelta(minutes=5)
SIGN_EVERY = timedelta(minutes=1)


def tick() -> None:
    """Pick up what is due; everything here may be repeated, and what fails keeps nothing else from being done."""
    now = timezone.now()
    for duty in (_show_stop, *_ALWAYS) if system.halted() else (*_ALWAYS, *_UNLESS_STOPPED):
        try:
            duty(now)
        except Exception:  # the next heartbeat tries again
            logger.exception("a duty of the heartbeat failed: %s", duty.__name__.strip("_"))


def _show_stop(_now: datetime) -> None:
    halt.show_flag()


def _take_over_lost(now: datetime) -> None:
    for evaluation_id in evaluations.take_over_lost(now=now):
        dispatch.enqueue("evaluate", evaluation_id=evaluation_id)


def _give_up_lost_questions(now: datetime) -> None:
    model_calls.give_up_lost(now=now)


def _finish_releases(_now: datetime) -> None:
    for release in Release.objects.filter(state=Release.State.INTENDED).values_list("pk", flat=True):
        dispatch.enqueue("finish_release", release_id=release)


def _sign(now: datetime) -> None:
    if read_audit.unsigned_since(now) > SIGN_EVERY:
        audit.sign_head(now=now)


def _verify(now: datetime) -> None:
    if read_audit.unverified_since(now) > VERIFY_EVERY:
        audit.record_verified(size=read_audit.check_quickly(), now=now)


def _look_at_heads(_now: datetime) -> None:
    heads.look_at_all()


def _import_targets(now: datetime) -> None:
    for import_id in targets.waiting_imports(now):
        dispatch.enqueue("import_target", import_id=import_id)


def _read_tables(now: datetime) -> None:
    for table_id in read_tables.waiting(now):
        dispatch.enqueue("read_table", table_id=table_id)


def _remove_old_tables(now: datetime) -> None:
    tables.remove_old(now)


def _expire_reviews(now: datetime) -> None:
    reviews.expire_due(now=now)


def _settle_approved(now: datetime) -> None:
    reviews.settle_approved(now=now)


def _advance_runs(now: datetime) -> None:
    for run_id in loop.due_runs(now):
        dispatch.enqueue("advance_run", run_id=run_id)


def _weigh_parameters(now: datetime) -> None:
    for run_id in importances.due(now):
        dispatch.enqueue("weigh_parameters", run_id=run_id)


def _go_on_confirming(_now: datetime) -> None:
    for candidate_id in loop.due_confirmations():
        dispatch.enqueue("conclude", candidate_id=candidate_id)
    for target_id in Target.objects.values_list("pk", flat=True):
        stale = loop.stale_next(target_id)
        if stale is not None:
            dispatch.enqueue("confirm_again", candidate_id=stale.pk)
    for candidate_id in loop.cleared_candidates():
        dispatch.enqueue("confirm_cleared", candidate_id=candidate_id)
    for candidate_id in loop.edits_to_consider():
        dispatch.enqueue("consider_edit", candidate_id=candidate_id)


def _feed_streams(_now: datetime) -> None:
    feeding.feed_from_queues()


def _follow_streams(_now: datetime) -> None:
    for target_id in streams.due(timezone.now()):
        dispatch.enqueue("follow_stream", target_id=target_id)


_ALWAYS: Sequence[Callable[[datetime], None]] = (
    _take_over_lost,
    _give_up_lost_questions,
    _look_at_heads,
    _expire_reviews,
    _finish_releases,
    _sign,
    _verify,
    _import_targets,
    _read_tables,
    _remove_old_tables,
)
_UNLESS_STOPPED: Sequence[Callable[[datetime], None]] = (
    _settle_approved,
    _advance_runs,
    _go_on_confirming,
    _weigh_parameters,
    _feed_streams,
    _follow_streams,
)
