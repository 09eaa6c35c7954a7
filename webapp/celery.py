"""The Celery application: its settings are Django's, its tasks are found in the installed apps."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Mapping
from functools import partial
from logging.config import dictConfig
from typing import Any

from billiard import current_process
from celery import Celery
from celery.signals import (
    after_task_publish,
    beat_init,
    celeryd_init,
    heartbeat_sent,
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)
from django.conf import settings
from kombu.exceptions import OperationalError

from improvement import installation
from improvement.sandbox import running, zygotes
from webapp import heartbeats

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_PR_SET_PDEATHSIG = 1
_SAYS_EVERY_SECONDS = 0.5


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


@celeryd_init.connect
def have_each_process_say(sender: str, **_: Any) -> None:
    """Have each process of this worker's pool say whether it has seen the stop and holds no sandbox."""
    worker_process_init.connect(partial(_begin_to_say, sender), weak=False)


def _begin_to_say(node: str, **_: Any) -> None:
    """Name this process by its place in the pool, which one that replaces it takes over."""
    name, over = f"{node}/{current_process().index + 1}", threading.Event()
    worker_process_shutdown.connect(partial(_leave, name, over), weak=False)
    threading.Thread(target=_say, args=(name, over), name="stop-acknowledgement", daemon=True).start()


def _say(name: str, over: threading.Event) -> None:
    while not over.wait(_SAYS_EVERY_SECONDS):
        halted = installation.halt_file().exists()
        if halted:
            zygotes.retire_all()
        stopped = halted and running.shared().count == 0 and not zygotes.any_left()
        heartbeats.record_process(name, stopped=stopped)


def _leave(name: str, over: threading.Event, **_: Any) -> None:
    over.set()
    heartbeats.forget_process(name)
