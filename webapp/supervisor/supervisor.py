"""Start every part in order, watch them, and stop them all when asked."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from improvement.exceptions import CannotStart
from webapp.supervisor.process import Part, Process, stop_all

STOP_SECONDS = 6.0
START_SECONDS = 60.0
_DEATHS_WHILE_STARTING = 3
_LOOK_EVERY_SECONDS = 0.05
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Supervisor:
    """The processes of one installation. All its methods belong to the main thread."""

    logs: Path
    tell: Callable[[str, str], None]
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    processes: list[Process] = field(default_factory=list)
    asked_to_stop: bool = False

    def listen_to_signals(self) -> None:
        """Stop on Ctrl-C, SIGTERM and when the terminal goes away; a second one stops without waiting."""
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    def start(self, parts: Iterable[Part]) -> None:
        """Start these parts and return when each is ready, or when a signal came; CannotStart when one does not."""
        started = [Process(part, self.environment, self.logs, self.tell) for part in parts]
        self.processes += started
        for process in started:
            process.start()
        deadline = time.monotonic() + START_SECONDS
        while not self.asked_to_stop and not all(process.ready for process in started):
            self._look()
            _check_starting(started, late=time.monotonic() > deadline)

    def watch(self) -> None:
        """Keep every part alive until a signal comes."""
        while not self.asked_to_stop:
            self._look()

    def stop(self) -> None:
        """Stop everything within ten seconds and leave nothing."""
        stop_all(self.processes, seconds=STOP_SECONDS)

    def _look(self) -> None:
        for process in self.processes:
            process.watch()
        time.sleep(_LOOK_EVERY_SECONDS)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.asked_to_stop:
            for process in self.processes:
                process.kill()
        self.asked_to_stop = True


def _check_starting(processes: Iterable[Process], *, late: bool) -> None:
    """Raise CannotStart, with the last words of the part, when one dies again and again or never becomes ready."""
    for process in processes:
        dying = process.deaths >= _DEATHS_WHILE_STARTING
        if dying or (late and not process.ready):
            what = "ends again and again" if dying else f"was not ready after {START_SECONDS:.0f} s"
            words = [line for line in process.last_lines if line.strip()][-1:]
            raise CannotStart(
                f"{process.part.name} {what}: {' '.join(words) or 'it said nothing'}. "
                f"All it said is in {process.logs / process.part.file_name}"
            )
