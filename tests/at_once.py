"""Several people or workers at the same moment, in real threads with connections of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, connections, transaction

from improvement import dispatch
from tests.waiting import wait_until

Action = Callable[[], object]


def at_once(*actions: Action) -> list[object]:
    """Begin all actions at the same moment and return what each returned, or the exception that it raised."""
    barrier = threading.Barrier(len(actions))

    def one(action: Action) -> object:
        barrier.wait(10)
        return _outcome(action)

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(one, actions))


def behind(change: Action, *actions: Action) -> list[object]:
    """Make a change, let each action in turn come up against it, and only then commit the change.

    Returns what each action returned or raised. On SQLite all of them wait before they begin to write; on PostgreSQL
    each waits, in this order, at the first row that the change or an action before it holds.
    """
    with ThreadPoolExecutor(len(actions)) as pool:
        with transaction.atomic():
            change()
            outcomes = []
            for waiting, action in enumerate(actions, start=1):
                outcomes.append(pool.submit(_outcome, action))
                _until_blocked(waiting)
        return [outcome.result(60) for outcome in outcomes]


def _outcome(action: Action) -> object:
    try:
        with dispatch.done_by_this_process():
            return action()
    except Exception as error:
        return error
    finally:
        connections.close_all()


def _until_blocked(number: int) -> None:
    if connection.vendor == "postgresql":
        wait_until(lambda: _blocked() >= number, seconds=10, what=f"{number} connections wait for a lock")


def _blocked() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        (count,) = cursor.fetchone()
    return int(count)
