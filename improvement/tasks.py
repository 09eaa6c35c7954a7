"""What workers are told to do: ids in, one runner call; doing a task twice is harmless."""

from __future__ import annotations

from celery import shared_task

from improvement.runner import (
    advancing,
    confirming,
    evaluating,
    following,
    importing,
    releasing,
    tables,
    ticking,
    trying_models,
    weighing,
)
from improvement.runner.identity import worker_name


@shared_task
def advance_run(run_id: int) -> None:
    """Take the next steps of a run."""
    advancing.advance(run_id, worker=worker_name())


@shared_task
def advance_with_help(run_id: int) -> None:
    """Take the next steps of a run, waiting for programs and language models that its strategy asks."""
    advancing.advance(run_id, worker=worker_name(), with_help=True)


@shared_task
def evaluate(evaluation_id: int) -> None:
    """Measure one candidate once."""
    evaluating.evaluate(evaluation_id, worker=worker_name())


@shared_task
def conclude(candidate_id: int) -> None:
    """Go on with a confirmation whose measurements are answered."""
    confirming.conclude(candidate_id)


@shared_task
def confirm_again(candidate_id: int) -> None:
    """Place a stale candidate on the present champion and confirm it again."""
    confirming.confirm_again(candidate_id)


@shared_task
def confirm_cleared(candidate_id: int) -> None:
    """Confirm a candidate that a person cleared of suspicion."""
    confirming.confirm_cleared(candidate_id)


@shared_task
def consider_edit(candidate_id: int) -> None:
    """Confirm a person's own edit, or withdraw it when it is no improvement."""
    confirming.consider_edit(candidate_id)


@shared_task
def follow_stream(target_id: int) -> None:
    """Let the champion and its shadow follow their target's stream."""
    following.follow(target_id)


@shared_task
def finish_release(release_id: int) -> None:
    """Move a champion."""
    releasing.finish_release(release_id)


@shared_task
def import_target(import_id: int) -> None:
    """Make a target of files that somebody handed over in the browser."""
    importing.import_asked(import_id)


@shared_task
def read_table(table_id: int) -> None:
    """Read which columns an uploaded table has."""
    tables.read_uploaded(table_id)


@shared_task
def test_model(call_id: int, person_id: int) -> None:
    """Try a language model."""
    trying_models.carry_out(call_id, person_id=person_id)


@shared_task
def weigh_parameters(run_id: int) -> None:
    """Weigh the parameters of a run by what they had to do with its scores."""
    weighing.weigh(run_id)


@shared_task
def tick() -> None:
    """Take over what was lost, and do what is due."""
    ticking.tick()
