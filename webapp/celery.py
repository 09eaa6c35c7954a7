"""The Celery application: its settings are Django's, its tasks are found in the installed apps."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.signals import (
    after_task_publish,
    beat_init,
    heartbeat_sent,
    setup_logging,
    worker_process_init,
    worker_ready,
)
from django.conf import settings
from kombu.exceptions import OperationalError

from webapp import heartbeats

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_PR_SET_PDEATHSIG = 1


def send_task(name: str, ids: Mapping[str, int]) -> None:
    """Send a task with ids to its queue; OSError when the broker cannot be reached."""
    try:
        app.signature(name, kwargs=dict(ids)).apply_async(retry=False, ignore_result=True)
    except OperationalError as error:
        raise ConnectionError(str(error)) from error


@setup_logging.connect
def log_as_django_does(**_: Any) -> None:
    """Use LOGGING in workers and beat instead of Celery's own handlers."""
    dictConfig(settings.LOGGING)


@worker_ready.connect
def say_ready(sender: Any, **_: Any) -> None:
    """Record that the worker takes tasks."""
    heartbeats.record(sender.hostname)


@heartbeat_sent.connect
def say_alive(sender: Any, **_: Any) -> None:
    """Record, every two seconds, that the worker is alive."""
    heartbeats.record(sender.eventer.hostname)


@beat_init.connect
@after_task_publish.connect(sender="improvement.tasks.tick")
def say_ticking(**_: Any) -> None:
    """Record that the clock is alive: it has started, or published a tick, which nobody else does."""
    heartbeats.record(heartbeats.BEAT)


@worker_process_init.connect
def die_with_worker(**_: Any) -> None:
    """Have the kernel end a pool process whose worker is gone, so that a killed worker leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
