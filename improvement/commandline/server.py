"""Whether a server runs on this data directory, and where it listens."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from improvement import events, installation
from improvement.exceptions import Conflict

DEFAULT_URL = "http://127.0.0.1:8000"
LOCK = "up.lock"
_ALIVE = "alive:*@*"


def has_workers() -> bool:
    """Tell whether the broker answers and a worker said within the last seconds that it is alive."""
    try:
        return next(iter(events.connection().scan_iter(match=_ALIVE, count=100)), None) is not None
    except redis.RedisError:
        return False


def url() -> str:
    """Return the address of the server that runs here, or the one it would have."""
    try:
        lock = json.loads((installation.data_directory() / "run" / LOCK).read_text(encoding="utf-8"))
        return str(lock["url"]) if _is_alive(lock["pid"]) else DEFAULT_URL
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_URL


@contextmanager
def none_running() -> Iterator[None]:
    """Keep servers from starting on this data directory; raises ``Conflict`` while one runs."""
    path = installation.data_directory() / "run" / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Conflict(f"A server runs on {installation.data_directory()}: stop it first.") from None
    finally:
        os.close(descriptor)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
