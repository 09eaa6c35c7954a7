"""One running sandbox, as the host sees it."""

from __future__ import annotations

import os
import select
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum

from improvement.sandbox import memory, running
from improvement.sandbox.limits import Limits
from improvement.sandbox.program import Program
from improvement.sandbox.spawn import spawn
from improvement.sandbox.started import EXIT_OF_SIGNAL

READ_SIZE = 1 << 16
WATCH_SECONDS, TOGETHER_SECONDS = 0.05, 0.005
KILL_GRACE_SECONDS = 2.0
HELLO = b'{"hello":1}'
VIOLATION_SIGNAL = signal.SIGSYS


class Cause(StrEnum):
    """Why a sandbox ended."""

    EXIT = "exit"
    SIGNAL = "signal"
    VIOLATION = "sandbox_violation"
    CPU = "cpu_limit"
    TIMEOUT = "timeout"
    MEMORY = "memory"  # too much of it, or kept from being counted
    FILES = "file_limit"
    FLOOD = "output_flood"
    PROTOCOL = "protocol"
    STOPPED = "stopped"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a sandbox ended. ``code`` is the exit status, or 128 + the signal's number; times in seconds."""

    cause: Cause
    code: int
    seconds: float
    cpu_seconds: float
    memory_mb: float


class Process:
    """A started sandbox: sends it messages, collects what it writes, watches it and ends it.

    It belongs to one thread and that thread's selector, whose keys carry the function to call when they are ready.
    """

    def __init__(self, program: Program, limits: Limits, selector: selectors.BaseSelector) -> None:
        self.limits = limits
        self.started = False
        self.lines: deque[bytes] = deque()
        self.ending: Ending | None = None
        self._selector = selector
        self._cause: Cause | None = None
        self._outbox = bytearray()
        self._can_send = True
        self._closing = False
        self._inbox = bytearray()
        self._log = bytearray()
        self._printed = 0
        self._peak_mb = 0.0
        self._has_network = program.beyond is not None
        self._born_at = time.monotonic()
        self._watch_at = self._born_at + WATCH_SECONDS
        self._counted = ExitStack()
        running.shared().add(1)
        self._counted.callback(running.shared().add, -1)
        with ExitStack() as undoing:
            undoing.push(self._counted)
            self._sandbox = spawn(program, limits)
            self._pipes = self._sandbox.pipes
            undoing.callback(self._abandon)
            self._readers = self._begin_reading()
            undoing.pop_all()

    def _begin_reading(self) -> dict[int, Callable[[bytes], None]]:
        """Let the selector watch the sandbox's pipes and its end; return who takes what each pipe holds."""
        readers: dict[int, Callable[[bytes], None]] = {
            self._pipes.messages: self._take_messages,
            self._pipes.log: self._take_log,
        }
        for fd in (*readers, self._pipes.to, self._sandbox.news):
            os.set_blocking(fd, False)
        for fd in readers:
            self._selector.register(fd, selectors.EVENT_READ, self._read)
        self._selector.register(self._sandbox.news, selectors.EVENT_READ, self._on_news)
        self._selector.register(self._sandbox.ended, selectors.EVENT_READ, self._on_exit)
        return readers

    @property
    def log(self) -> bytes:
        """The end of what was printed, at most ``log_kb``."""
        return bytes(self._log[-self.limits.log_kb * 1024 :])

    @property
    def watch_at(self) -> float:
        """When ``watch`` has something to do next (``time.monotonic``)."""
        return float("inf") if self.ending else self._watch_at

    def send(self, message: bytes) -> None:
        """Queue one line; it is written as fast as the other side reads."""
        if self.ending is None and self._can_send:
            self._outbox += message + b"\n"
            self._write(self._pipes.to)

    def send_no_more(self) -> None:
        """Close the channel to the sandbox once everything queued is written."""
        self._closing = True
        if self.ending is None and self._can_send:
            self._write(self._pipes.to)

    def watch(self, now: float) -> None:
        """Measure the tree's memory and files when that is due, or nearly, and end a tree that holds too much.

        Before it said hello, its root may still be the host's.
        """
        root = self._sandbox.watched
        if self.ending or root is None or now < self._watch_at - TOGETHER_SECONDS:
            return
        began = time.thread_time()
        processes = memory.processes(root)
        in_queues = memory.queued_mb(root) if self._has_network else 0.0
        resident, in_sockets = memory.held_mb(processes, self.limits.memory_mb - in_queues)
        held = resident + in_sockets + in_queues
        if held > self.limits.memory_mb:  # with what it shares counted more than once
            held = memory.proportional_mb(processes) + in_sockets + in_queues
        self._peak_mb = max(self._peak_mb, held)
        self._watch_at = time.monotonic() + max(WATCH_SECONDS, 10 * (time.thread_time() - began))
        if held > self.limits.memory_mb or (self.started and memory.hides(processes)):
            self.end(Cause.MEMORY)
        elif self.started and self._sandbox.has_too_many_files(self.limits):
            self.end(Cause.FILES)

    def kill(self, cause: Cause) -> None:
        """Kill the whole tree without waiting for it; the first cause given is the one kept."""
        if self.ending:
            return
        self._cause = self._cause or cause
        if self._sandbox.inner is None:
            self._wait_for_inner()
        self._sandbox.kill()

    def end(self, cause: Cause) -> Ending:
        """Kill the whole tree, wait until it is gone and say how it ended; the first cause given is the one kept."""
        if self.ending:
            return self.ending
        self.kill(cause)
        if not _readable(self._sandbox.ended, KILL_GRACE_SECONDS):
            self._sandbox.kill_starter()
        return self._collect()

    # What the selector calls: (descriptor, mask)

    def _read(self, fd: int, _mask: int) -> None:
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return
        if data:
            self._readers[fd](data)
        else:
            self._forget(fd)

    def _on_writable(self, fd: int, _mask: int) -> None:
        self._write(fd)

    def _on_news(self, fd: int, _mask: int) -> None:
        if not self._sandbox.hear():
            self._selector.unregister(fd)

    def _on_exit(self, _fd: int, _mask: int) -> None:
        self._collect()

    def _collect(self) -> Ending:
        """Take how it ended and what is still in the pipes."""
        with self._counted:
            end = self._sandbox.collect()
            seconds = time.monotonic() - self._born_at
            self._drain()
        cause = self._cause or _natural_cause(end.code, end.cpu_seconds, self.limits)
        self.ending = Ending(cause, end.code, seconds, end.cpu_seconds, max(self._peak_mb, end.memory_mb))
        return self.ending

    # Reading and writing

    def _take_messages(self, data: bytes) -> None:
        first, *others = data.split(b"\n")  # only the new part is searched: a message may come in many parts
        self._inbox += first
        for other in others:
            self.lines.append(bytes(self._inbox))
            self._inbox = bytearray(other)
        if not self.started and self.lines:
            self.started = self.lines.popleft() == HELLO
        if len(self._inbox) > self.limits.message_kb << 10:
            self.kill(Cause.FLOOD)

    def _take_log(self, data: bytes) -> None:
        self._printed += len(data)
        self._log += data
        if len(self._log) > 2 * self.limits.log_kb << 10:
            del self._log[: -self.limits.log_kb << 10]
        if self._printed > self.limits.output_kb << 10:
            self.kill(Cause.FLOOD)

    def _write(self, fd: int) -> None:
        try:
            while self._outbox:
                del self._outbox[: os.write(fd, self._outbox[:READ_SIZE])]
        except BlockingIOError:
            if fd not in self._selector.get_map():
                self._selector.register(fd, selectors.EVENT_WRITE, self._on_writable)
            return
        except BrokenPipeError:
            self._outbox.clear()
            self._closing = True
        self._unregister(fd)
        if self._closing and self._can_send:
            self._can_send = False
            os.close(fd)

    # Ending

    def _abandon(self) -> None:
        """Kill a sandbox that cannot be watched."""
        self._sandbox.abandon()
        for fd in (self._pipes.to, self._pipes.messages, self._pipes.log, self._sandbox.news, self._sandbox.ended):
            self._unregister(fd)
            os.close(fd)

    def _wait_for_inner(self) -> None:
        """Wait until the inner process is known, which it is right after it was made.

        Killed between the two, bubblewrap would leave that process waiting for ever for its sign to go on.
        """
        give_up_at = time.monotonic() + KILL_GRACE_SECONDS
        news = self._sandbox.news
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._sandbox.ended, selectors.EVENT_READ)
            waiting.register(news, selectors.EVENT_READ)
            while self._sandbox.inner is None and time.monotonic() < give_up_at:
                ready = {key.fd for key, _ in waiting.select(KILL_GRACE_SECONDS)}
                if news not in ready or not self._sandbox.hear():
                    return

    def _drain(self) -> None:
        """Read what the pipes hold now (nothing can write to them any more), then let go of every descriptor."""
        for fd in list(self._readers):
            for _ in range(64):
                if fd not in self._readers or not _readable(fd):
                    break
                self._read(fd, 0)
            if fd in self._readers:
                self._forget(fd)
        for fd in (self._sandbox.ended, self._sandbox.news, *([self._pipes.to] if self._can_send else [])):
            self._unregister(fd)
            os.close(fd)

    def _unregister(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def _forget(self, fd: int) -> None:
        self._selector.unregister(fd)
        del self._readers[fd]
        os.close(fd)


def _natural_cause(code: int, cpu_seconds: float, limits: Limits) -> Cause:
    """Why a sandbox ended that nobody ended; only the kernel sends SIGKILL then, for processor time or memory."""
    if code == EXIT_OF_SIGNAL + VIOLATION_SIGNAL:
        return Cause.VIOLATION
    if code == EXIT_OF_SIGNAL + signal.SIGKILL and cpu_seconds > limits.cpu_seconds / 2:
        return Cause.CPU
    return Cause.SIGNAL if code > EXIT_OF_SIGNAL else Cause.EXIT


def _readable(fd: int, seconds: float = 0.0) -> bool:
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    return bool(waiting.poll(1000 * seconds))
