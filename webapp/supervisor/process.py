"""One child process: started so that it dies with us, its output kept in a file, started again with growing pauses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

_LAUNCH = Path(__file__).with_name("launch.py")
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 30.0
_STABLE_AFTER_SECONDS = 60.0
_LOG_BYTES = 5_000_000


@dataclass(frozen=True)
class Part:
    """What to run: a name for people, a program, and how to see that it does its work."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    forget: Callable[[], None] = lambda: None
    descriptors: tuple[int, ...] = ()
    last_to_stop: bool = False

    @property
    def file_name(self) -> str:
        """Return the name of its log file."""
        return f"{self.name.replace(' ', '-')}.log"


@dataclass
class Process:
    """A part and its present process. Started from the main thread only: the kernel ties the child to that thread."""

    part: Part
    environment: Mapping[str, str]
    logs: Path
    tell: Callable[[str, str], None]
    ready: bool = False
    pause: float = _FIRST_PAUSE_SECONDS
    start_at: float = 0.0
    started_at: float = 0.0
    deaths: int = 0
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    child: subprocess.Popen[str] | None = None

    @property
    def running(self) -> bool:
        """Return whether there is a live process."""
        return self.child is not None and self.child.poll() is None

    def start(self) -> None:
        """Start the program in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        self.part.forget()
        self.ready = False
        self.started_at = time.monotonic()
        # -I -S: nothing of the user's site is imported before the program itself
        launcher = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid())]
        self.child = subprocess.Popen(
            [*launcher, *self.part.command],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self.part.descriptors,
            text=True,
            errors="replace",
        )
        assert self.child.stdout is not None
        threading.Thread(target=self._keep_output, args=(self.child.stdout,), daemon=True).start()

    def watch(self) -> None:
        """Notice readiness and death, and start again when the pause is over."""
        now = time.monotonic()
        if self.running:
            if not self.ready and self.part.ready():
                self.ready = True
                self.tell(self.part.name, "ready")
        elif self.child is not None:
            self._bury(now)
        elif now >= self.start_at:
            self.start()

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the program itself, which ends its own children in order."""
        if self.child is not None and self.running:
            self.child.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End whatever is left of the program's session at once."""
        if self.child is None:
            return
        with suppress(ProcessLookupError):  # all gone already
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def _bury(self, now: float) -> None:
        """Say how it ended and plan the next start."""
        assert self.child is not None
        ending = _ending(self.child.returncode)
        self.kill()  # members of its session that outlived it
        self.child = None
        self.deaths += 1
        if now - self.started_at > _STABLE_AFTER_SECONDS:
            self.pause = _FIRST_PAUSE_SECONDS
        self.start_at = now + self.pause
        self.tell(self.part.name, f"{ending}; starting again in {self.pause:g} s")
        self.pause = min(self.pause * 2, _LONGEST_PAUSE_SECONDS)

    def _keep_output(self, output: IO[str]) -> None:
        """Copy the program's lines to its log file, and its errors to the terminal."""
        file = RotatingFileHandler(self.logs / self.part.file_name, maxBytes=_LOG_BYTES, backupCount=1, delay=True)
        with output:
            for line in output:
                self.last_lines.append(line.rstrip())
                _append(file, line)
                if message := _error_in(line):
                    self.tell(self.part.name, message)
        file.close()


def _append(file: RotatingFileHandler, line: str) -> None:
    if file.stream is None:
        file.stream = file._open()
        Path(file.baseFilename).chmod(0o600)
    if file.stream.tell() > _LOG_BYTES:
        file.doRollover()
    file.stream.write(line)
    file.stream.flush()


def _error_in(line: str) -> str:
    """Return the message when the line is a log record of an error, and nothing otherwise."""
    if not line.startswith("{"):
        return ""
    try:
        record = json.loads(line)
    except ValueError:
        return ""
    if record.get("level") not in {"error", "critical"}:
        return ""
    return f"error: {record.get('event', '')}"


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def stop_all(processes: Sequence[Process], *, seconds: float) -> None:
    """Ask all to stop, wait at most so many seconds, and kill what is left; servers that others use go last."""
    for last in (False, True):
        group = [process for process in processes if process.part.last_to_stop is last]
        for process in group:
            process.ask_to_stop()
        deadline = time.monotonic() + (1.0 if last else seconds)
        while any(process.running for process in group) and time.monotonic() < deadline:
            time.sleep(0.02)
        for process in group:
            process.kill()
