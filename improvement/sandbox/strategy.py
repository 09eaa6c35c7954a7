"""A strategy package as a long-lived process in the sandbox: one JSON line out, one back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from improvement.exceptions import Halted, StrategyError
from improvement.sandbox import text, trees
from improvement.sandbox.bubblewrap import JOB
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause
from improvement.sandbox.program import Program
from improvement.sandbox.relay import how_it_ended
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import check_started
from improvement.sandbox.runtime import Bind
from improvement.sandbox.supervisor import STOP_POLL_SECONDS, Stopped, Supervisor

MAIN = "main.py"
REPLY_KB = 16 << 10
LIMITS = Limits(
    cpu_seconds=1_000_000, memory_mb=1024, processes=16, file_mb=256, tmp_mb=256, output_kb=1 << 20, message_kb=REPLY_KB
)
"""Months of processor time: a strategy lives as long as its run; each request has its own time."""


class StrategyProcess:
    """A package (its files by path, ``main.py`` among them) at work; ``stderr`` is its log.

    It belongs to one thread at a time, and ends with the process that started it. As soon as ``stop`` answers true it
    is ended too, in the middle of a request or between two.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        limits: Limits = LIMITS,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        if MAIN not in files:
            raise StrategyError(f"The strategy package has no {MAIN}. Add it.")
        tree = trees.shared().put(f"strategy-{trees.digest(files)}", lambda: files)
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._supervisor = Supervisor(stop)
        self._process = self._supervisor.start(Program("script", binds=(Bind(tree, JOB),), arguments=(MAIN,)), limits)
        if stop is not None:
            threading.Thread(target=self._end_when, args=(stop,), name="strategy-stop", daemon=True).start()

    @property
    def log(self) -> str:
        """The end of what the package wrote to stderr."""
        return text.readable(self._process.log)

    @property
    def alive(self) -> bool:
        """Whether the process still runs; after a StrategyError it does not."""
        return self._process.ending is None

    def request(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send one message and return the answer, waiting at most ``seconds``.

        Raises StrategyError, after ending the process, for a crash, a time-out, too large an answer, a line that is
        not one strict JSON object, or one that was not asked for; Halted when ``stop`` ended it.
        """
        with self._turn:
            try:
                return self._requested(message, seconds)
            except Stopped:
                raise Halted("Everything is stopped, the strategy's process too; it is made anew afterwards.") from None

    def close(self) -> None:
        """End the process and wait until it is gone."""
        self._closed.set()
        with self._turn:
            self._supervisor.close()

    def _end_when(self, stop: Callable[[], bool]) -> None:
        """End a process that nobody talks to; a request polls ``stop`` itself."""
        while not self._closed.wait(STOP_POLL_SECONDS):
            if stop():
                with self._turn:
                    self._supervisor.close(Cause.STOPPED)
                return

    def _requested(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        self._supervisor.step(time.monotonic())
        if self._process.ending and self._process.ending.cause is Cause.STOPPED:
            raise Stopped
        if not self.alive:
            raise self._broken("has ended")
        if self._process.lines:
            raise self._broken(f"wrote without being asked: {_shown(self._process.lines[0])}")
        self._process.send(json.dumps(message, allow_nan=False).encode())
        return self._answer(self._wait(seconds))

    def _wait(self, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        while not self._process.lines:
            if self._process.ending:
                check_started(self._process)
                raise self._broken(f"ended: {how_it_ended(self._process.ending)}")
            if time.monotonic() >= deadline:
                raise self._broken(f"did not answer within {seconds:g} seconds")
            self._supervisor.step(deadline)
        return self._process.lines.popleft()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            answer = read(line, max_bytes=REPLY_KB << 10)
        except BadResult as error:
            raise self._broken(f"answered something unusable, {error}: {_shown(line)}") from None
        if not isinstance(answer, dict):
            raise self._broken(f"answered no JSON object: {_shown(line)}")
        return answer

    def _broken(self, what: str) -> StrategyError:
        """End the process; the error says what happened and the last line of the log."""
        self._process.end(Cause.PROTOCOL)
        said = self.log.strip().splitlines()[-1:]
        return StrategyError(f"The strategy {what}." + (f" It last wrote: {said[0][:500]}" if said else ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _shown(line: bytes) -> str:
    return repr(text.readable(line[:80]))
