"""The event loop around one or a few sandboxes: everything is awaited, nothing is polled but the stop."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause, Process
from improvement.sandbox.program import Program

STOP_POLL_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 60.0


class Stopped(Exception):
    """The caller's ``stop`` became true; every sandbox has been ended."""


class Supervisor:
    """Starts sandboxes and waits for them; ends them all when it is left. It belongs to one thread."""

    def __init__(self, stop: Callable[[], bool] | None = None) -> None:
        self._stop = stop
        self._selector = selectors.DefaultSelector()
        self._processes: list[Process] = []

    def start(self, program: Program, limits: Limits) -> Process:
        """Start ``program`` in a sandbox of its own; SandboxUnavailable when it cannot."""
        process = Process(program, limits, self._selector)
        self._processes = [*(other for other in self._processes if not other.ending), process]
        return process

    def step(self, until: float) -> None:
        """Wait for one round of events, at most to ``until`` (``time.monotonic``), and handle them.

        Raises Stopped, after ending every sandbox, as soon as ``stop`` answers true.
        """
        if self._stop is not None and self._stop():
            self.close(Cause.STOPPED)
            raise Stopped
        for key, mask in self._selector.select(self._patience(until)):
            current = self._selector.get_map().get(key.fd)
            if current is not None and current.data == key.data:  # an earlier event may have closed this one
                key.data(key.fd, mask)
        now = time.monotonic()
        for process in self._processes:
            process.watch(now)

    def close(self, cause: Cause = Cause.DONE) -> None:
        """End every sandbox that still runs."""
        for process in self._processes:
            process.kill(cause)
        for process in self._processes:
            process.end(cause)

    def _patience(self, until: float) -> float:
        soonest = min(
            until, *(process.watch_at for process in self._processes), time.monotonic() + LONGEST_WAIT_SECONDS
        )
        patience = max(0.0, soonest - time.monotonic())
        return patience if self._stop is None else min(patience, STOP_POLL_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._selector.close()
