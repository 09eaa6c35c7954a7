"""Zygotes as the host sees them: processes that fork a job for each order, and the jobs they forked."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TypeVar

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import descriptors, launcher, memory
from improvement.sandbox.limits import Limits
from improvement.sandbox.per_process import PerProcess
from improvement.sandbox.runtime import Bind
from improvement.sandbox.started import EXIT_OF_SIGNAL, Exit, Pipes, Started

logger = logging.getLogger(__name__)

MOST_JOBS, LONGEST_SECONDS = 200, 600.0
MOST_ZYGOTES = 8
READY_SECONDS = 20.0
RETRY_SECONDS = 60.0
GRACE_SECONDS, POLL_SECONDS = 0.5, 0.005
LONGEST_ORDER = 1 << 15
KILLED = EXIT_OF_SIGNAL + signal.SIGKILL

Born = TypeVar("Born", bound="Job")


class Job(Started):
    """A sandbox that was forked from a zygote; its keeper, the process between the two, tells of it."""

    def __init__(self, pipes: Pipes, *, news: int, ended: int, zygote: Zygote) -> None:
        super().__init__(pipes, news=news, ended=ended)
        self._zygote = zygote
        self._pidfd: int | None = None

    def hear(self) -> bool:
        """The keeper sends a descriptor of the inner process, once."""
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, self.news)
        try:
            keeper, found, _, _ = socket.recv_fds(channel, 16, 1)
        except BlockingIOError:
            return True
        finally:
            channel.detach()
        if found:
            self._pidfd = found[0]
            self.inner = _seen_here(self._pidfd)
            self._hear_of_keeper(int(keeper))
        return False

    def _hear_of_keeper(self, keeper: int) -> None:
        """Take the keeper's id, in its own process namespace."""

    def has_too_many_files(self, limits: Limits) -> bool:
        """Its own file systems have room for so many and no more."""
        return False

    def kill(self) -> None:
        """Kill the inner process, or the zygote with all its jobs before that is known."""
        if self._pidfd is None:
            self.kill_starter()
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def kill_starter(self) -> None:
        """Kill the zygote, and with it every job of its."""
        self._zygote.kill()

    def collect(self) -> Exit:
        """Take what the keeper wrote at the end; when it was killed with the zygote there is nothing."""
        os.set_blocking(self.ended, True)
        told = b""
        while data := os.read(self.ended, 64):
            told += data
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        try:
            code, cpu_seconds, memory_kb = told.split()
            return Exit(int(code), float(cpu_seconds), int(memory_kb) / 1024)
        except ValueError:
            return Exit(KILLED, 0.0, 0.0)

    def abandon(self) -> None:
        """Kill the zygote: that takes no descriptor."""
        self.kill_starter()


@dataclass(frozen=True, slots=True)
class Kind:
    """What has to be the same for two programs to come from one zygote; ``held_by`` names what holds its jobs."""

    held_by: str
    project: str
    preload: tuple[str, ...]
    cpus: int
    binds: tuple[Bind, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """One job: what the zygote is told, the contents of the job's files, and the modules that it brings along.

    ``single_thread``: whether a zygote with several threads cannot fork it.
    """

    text: bytes
    files: bytes = b""
    modules: frozenset[str] = frozenset()
    single_thread: bool = False


class Zygote:
    """One zygote, as the host sees it; safe to use from any thread."""

    def __init__(self, command: Callable[[int], launcher.Command], instructions: bytes) -> None:
        """Start what ``command`` writes for the number of the channel's descriptor; its jobs get this filter."""
        self.jobs = 0
        self.born_at = self.used_at = time.monotonic()
        with ExitStack() as undoing, ExitStack() as theirs:
            self._channel, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undoing.callback(self._channel.close)
            theirs.callback(inner.close)
            log = undoing.enter_context(os.fdopen(os.memfd_create("zygote", os.MFD_CLOEXEC), "rb"))
            order = launcher.Order(command(inner.fileno()), (inner.fileno(),), log.fileno())
            self._popen = launcher.shared().start(order)
            undoing.callback(self._popen.wait)
            undoing.callback(self.kill)
            theirs.close()
            self._loaded, self._threads = self._begin(instructions, log.fileno())
            undoing.pop_all()
            log.close()

    def start(self, order: Order, born: Callable[..., Born]) -> Born:
        """Order a job, and make it known as a ``born``; OSError when the zygote is gone."""
        self.jobs += 1
        self.used_at = time.monotonic()
        with ExitStack() as theirs, ExitStack() as ours:
            pipes, inner = descriptors.pipes(ours, theirs)
            news, news_inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            theirs.callback(news_inside.close)
            news.setblocking(False)
            news_fd = news.detach()
            ours.callback(os.close, news_fd)
            ended_write, ended_read = descriptors.pipe(writing=theirs, reading=ours)
            content = descriptors.content(theirs, order.files)
            given = [inner.to, inner.messages, inner.log, news_inside.fileno(), ended_write, content]
            socket.send_fds(self._channel, [order.text], given)
            ours.pop_all()
        return born(pipes, news=news_fd, ended=ended_read, zygote=self)

    def can_fork(self, order: Order) -> bool:
        """Whether none of the job's modules has the name of one that the zygote holds, and its threads allow it."""
        return not order.modules & self._loaded and not (order.single_thread and self._threads > 1)

    def is_worn(self, now: float) -> bool:
        """Whether another one should take its place."""
        return self.jobs >= MOST_JOBS or now - self.born_at > LONGEST_SECONDS

    def retire(self) -> None:
        """Take no more orders; it ends with its last job."""
        self._channel.close()

    def kill(self) -> None:
        """Kill it, and with it every job of its."""
        if not self.is_gone():
            self._popen.kill()

    def is_gone(self) -> bool:
        """Whether its process has ended; takes its exit status then."""
        return self._popen.poll() is not None

    def let_go(self) -> None:
        """Drop a forked child's hold on the channel, which is its parent's."""
        self._channel.close()

    def _begin(self, instructions: bytes, log: int) -> tuple[frozenset[str], int]:
        """Hand over the filter, wait until everything is imported; return the modules' names, the number of threads."""
        self._channel.settimeout(READY_SECONDS)
        try:
            self._channel.recv(64)  # what every role says first
            self._channel.send(instructions)
            ready = self._channel.recv(1 << 20)
        except OSError as error:
            raise SandboxUnavailable(f"The zygote did not start: {error}.") from error
        if not ready:
            said = os.pread(log, 4096, 0).decode(errors="replace").strip().splitlines()
            raise SandboxUnavailable(f"The zygote did not start: {said[-1] if said else 'it ended at once'}")
        self._channel.settimeout(None)
        told = json.loads(ready)
        return frozenset(told["modules"]), told["threads"]


class Nursery:
    """The zygotes of this process, the most recently used ones."""

    def __init__(self) -> None:
        self.why_not = ""
        self._try_again_at = 0.0
        self._zygotes: dict[Kind, Zygote] = {}
        self._retired: list[Zygote] = []
        self._lock = threading.Lock()

    def start(self, kind: Kind, make: Callable[[], Zygote], order: Order, born: Callable[..., Born]) -> Born | None:
        """Fork a job from the zygote of this kind, made anew when it is worn or gone; None where there can be none.

        After one that did not start, which a kill may have caused, there is none for ``RETRY_SECONDS``.
        """
        if time.monotonic() < self._try_again_at or len(order.text) > LONGEST_ORDER:
            return None
        with self._lock:
            try:
                zygote = self._fresh(kind, make)
                if zygote.can_fork(order):
                    return zygote.start(order, born)
            except SandboxUnavailable as error:
                self.why_not, self._try_again_at = error.message, time.monotonic() + RETRY_SECONDS
                logger.warning("no zygote for %.0f seconds: %s", RETRY_SECONDS, error.message)
            except OSError as error:
                self._drop(kind)
                logger.warning("a zygote is gone: %s", error)
        return None

    def retire_all(self) -> None:
        """Let every zygote go, and wait a moment for those that have no job any more."""
        with self._lock:
            self.why_not, self._try_again_at = "", 0.0
            for kind in list(self._zygotes):
                self._drop(kind)
            give_up_at = time.monotonic() + GRACE_SECONDS
            while self._bury() and time.monotonic() < give_up_at:
                time.sleep(POLL_SECONDS)

    def any_left(self) -> bool:
        """Whether there is a zygote that has not ended yet."""
        with self._lock:
            return self._bury() or any(not zygote.is_gone() for zygote in self._zygotes.values())

    def let_go(self) -> None:
        """Drop a forked child's hold on its parent's zygotes."""
        for zygote in self._zygotes.values():
            zygote.let_go()

    def _fresh(self, kind: Kind, make: Callable[[], Zygote]) -> Zygote:
        self._bury()
        now, zygote = time.monotonic(), self._zygotes.get(kind)
        if zygote is not None and (zygote.is_worn(now) or zygote.is_gone()):
            self._drop(kind)
            zygote = None
        if zygote is None:
            if len(self._zygotes) >= MOST_ZYGOTES:
                self._drop(min(self._zygotes, key=lambda one: self._zygotes[one].used_at))
            zygote = self._zygotes[kind] = make()
        return zygote

    def _bury(self) -> bool:
        """Forget the retired ones that have ended, and tell whether any is left."""
        self._retired = [zygote for zygote in self._retired if not zygote.is_gone()]
        return bool(self._retired)

    def _drop(self, kind: Kind) -> None:
        zygote = self._zygotes.pop(kind)
        zygote.retire()
        self._retired.append(zygote)


_nursery = PerProcess(Nursery, let_go=Nursery.let_go)


def shared() -> Nursery:
    """Return this process's nursery."""
    return _nursery.get()


def _seen_here(pidfd: int) -> int | None:
    """Return the id, in this process's own namespace, of the process behind a descriptor; None when it is gone."""
    process = memory.field(f"/proc/self/fdinfo/{pidfd}", b"Pid:")
    return process if process > 0 else None
