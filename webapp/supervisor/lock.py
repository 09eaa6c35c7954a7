"""One supervisor per data directory."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from improvement.exceptions import CannotStart


@contextmanager
def held(path: Path, *, url: str) -> Iterator[None]:
    """Hold the lock file, with this process and its address in it; CannotStart while another process holds it.

    The kernel gives the lock back however the process ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(_already_running(path)) from error
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _already_running(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        who = f"as process {holder['pid']} at {holder['url']}; stop it with: kill {holder['pid']}"
    except (ValueError, KeyError, TypeError):
        who = "and is just starting"
    return f"Countersign already runs on {path.parent.parent} {who}"
