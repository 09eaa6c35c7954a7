"""The heartbeat: whatever a lost message, a dead worker or a passed deadline left undone is picked up here."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from improvement import dispatch
from improvement.models import Release, Target
from improvement.runner import feeding, heads
from improvement.selectors import audit as read_audit
from improvement.selectors import loop, streams, system, targets
from improvement.services import audit, evaluations, halt, reviews

VERIFY_EVERY = timedelta(minutes=5)
SIGN_EVERY = timedelta(minutes=1)


def tick() -> None:
    """Pick up what is due; everything here may be repeated."""
    now = timezone.now()
    halted = system.halted()
    if halted:
        halt.show_flag()
    for evaluation_id in evaluations.take_over_lost(now=now):
        dispatch.enqueue("evaluate", evaluation_id=evaluation_id)
    for import_id in targets.waiting_imports(now):
        dispatch.enqueue("import_target", import_id=import_id)
    heads.look_at_all()
    reviews.expire_due(now=now)
    if not halted:
        reviews.settle_approved(now=now)
        _pick_up()
    for release in Release.objects.filter(state=Release.State.INTENDED).values_list("pk", flat=True):
        dispatch.enqueue("finish_release", release_id=release)
    if read_audit.unsigned_since(now) > SIGN_EVERY:
        audit.sign_head(now=now)
    if read_audit.unverified_since(now) > VERIFY_EVERY:
        audit.record_verified(size=read_audit.check_quickly(), now=now)


def _pick_up() -> None:
    feeding.feed_from_queues()
    for run_id in loop.due_runs(timezone.now()):
        dispatch.enqueue("advance_run", run_id=run_id)
    for candidate_id in loop.due_confirmations():
        dispatch.enqueue("conclude", candidate_id=candidate_id)
    for target_id in streams.due(timezone.now()):
        dispatch.enqueue("follow_stream", target_id=target_id)
    for target_id in Target.objects.values_list("pk", flat=True):
        stale = loop.stale_next(target_id)
        if stale is not None:
            dispatch.enqueue("confirm_again", candidate_id=stale.pk)
    for candidate_id in loop.cleared_candidates():
        dispatch.enqueue("confirm_cleared", candidate_id=candidate_id)
    for candidate_id in loop.edits_to_consider():
        dispatch.enqueue("consider_edit", candidate_id=candidate_id)
