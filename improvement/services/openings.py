"""Measurements that a run needs before and beside its candidates: the champion itself, and the known cheats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from improvement import dispatch
from improvement.models import Evaluation, Run
from improvement.services import filesets
from improvement.states import RunState


@transaction.atomic
def order(
    run_id: int, *, champion: Mapping[str, str], cheats: Sequence[Mapping[str, str]], seed: int, now: datetime
) -> None:
    """Order the champion's measurement and one of each known cheat, once."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    if run.state != RunState.QUEUED.value or Evaluation.objects.filter(run=run).exists():
        return
    _queue(run, run.start_commit, champion, stage="measure", index=0, seed=seed, now=now)
    for index, files in enumerate(cheats):
        _queue(run, run.start_commit, files, stage="screen", index=index, seed=seed, now=now)


@transaction.atomic
def order_champion(run_id: int, *, commit: str, files: Mapping[str, str], seed: int, now: datetime) -> bool:
    """Order the measurement of a champion that moved, once; ``False`` when it was answered without a score."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    row = Evaluation.objects.filter(
        run=run, candidate__isnull=True, subject__isnull=True, base_commit=commit, stage="measure"
    ).first()
    if row is None:
        _queue(run, commit, files, stage="measure", index=0, seed=seed, now=now)
        return True
    return row.state != Evaluation.State.DONE


@transaction.atomic
def order_canary(run_id: int, *, files: Mapping[str, str], evaluations: int, seed: int, now: datetime) -> None:
    """Order one more measurement of what a run started from, after so many evaluations of it."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    _queue(run, run.start_commit, files, stage="screen", index=evaluations, seed=seed, now=now)


def _queue(
    run: Run, commit: str, files: Mapping[str, str], *, stage: str, index: int, seed: int, now: datetime
) -> None:
    row = Evaluation.objects.create(
        run=run,
        target=run.target,
        base_commit=commit,
        files_id=filesets.store(files),
        stage=stage,
        index=index,
        seed=seed,
        state=Evaluation.State.QUEUED,
        queued_at=now,
    )
    dispatch.enqueue_on_commit("evaluate", evaluation_id=row.pk)
