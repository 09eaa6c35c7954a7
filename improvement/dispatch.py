"""Handing work to the workers: by task name, with ids only, when the transaction commits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

_here = ContextVar("work_is_done_by_this_process", default=False)


@contextmanager
def done_by_this_process() -> Iterator[None]:
    """Enqueue nothing inside this block: the caller does the steps itself."""
    token = _here.set(True)
    try:
        yield
    finally:
        _here.reset(token)


def enqueue_on_commit(task: str, **ids: int) -> None:
    """Enqueue ``improvement.tasks.<task>`` when the transaction commits.

    A broker that is down loses nothing: the database says what is due and the next tick enqueues it again.
    """
    if not _here.get():
        transaction.on_commit(lambda: enqueue(task, **ids))


def enqueue(task: str, **ids: int) -> None:
    """Enqueue now, and log when the broker cannot be reached."""
    try:
        import_string(settings.SEND_TASK)(f"improvement.tasks.{task}", ids)
    except OSError as error:
        logger.debug("%s is left for the next tick: %s", task, error)
