"""How many sandboxes this process has at work: only at none may it say that it has stopped."""

from __future__ import annotations

import threading

from improvement.sandbox.per_process import PerProcess


class Tally:
    """A count that any thread may change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    @property
    def count(self) -> int:
        """How many there are now."""
        return self._count

    def add(self, change: int) -> None:
        """Count one more (1) or one less (-1)."""
        with self._lock:
            self._count += change


_tally = PerProcess(Tally)


def shared() -> Tally:
    """Return this process's tally; a forked child begins at none."""
    return _tally.get()
