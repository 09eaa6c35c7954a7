"""A sandbox with an interpreter of its own: bubblewrap starts it from nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace

from improvement.sandbox import bubblewrap, descriptors, inside_files, launcher, runtime, seccomp, trees
from improvement.sandbox.bubblewrap import Bubblewrap
from improvement.sandbox.limits import Limits
from improvement.sandbox.program import Program
from improvement.sandbox.started import EXIT_OF_SIGNAL, Exit, Pipes, Started

READ_SIZE = 1 << 16
_CHILD = re.compile(rb'"child-pid": (\d+),')


class Cold(Started):
    """A sandbox that bubblewrap started; its end is bubblewrap's."""

    def __init__(self, popen: subprocess.Popen[bytes], pipes: Pipes, *, news: int) -> None:
        super().__init__(pipes, news=news)
        self._popen = popen
        self._told = bytearray()

    def hear(self) -> bool:
        """Bubblewrap writes a JSON object in several parts; the inner process's id is in the first."""
        try:
            data = os.read(self.news, READ_SIZE)
        except BlockingIOError:
            return True
        self._told += data
        if self.inner is None and (found := _CHILD.search(self._told)):
            self.inner = int(found[1])
        return bool(data)

    def kill(self) -> None:
        """Kill the inner process, or bubblewrap before that is known."""
        _kill(self.inner or self._popen.pid)

    def kill_starter(self) -> None:
        """Kill bubblewrap."""
        _kill(self._popen.pid)

    def collect(self) -> Exit:
        """Take bubblewrap's exit status, and the use of everything below it."""
        _, status, usage = os.wait4(self._popen.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        code = EXIT_OF_SIGNAL - code if code < 0 else code
        self._popen.returncode = code
        return Exit(code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

    def abandon(self) -> None:
        """Kill it as soon as the inner process is known: killed before, bubblewrap would leave that one behind."""
        os.set_blocking(self.news, True)
        while self.inner is None and self.hear():
            continue
        self.kill()
        self._popen.wait()


def start(tool: Bubblewrap, program: Program, limits: Limits) -> Cold:
    """Start a program in a sandbox of the full profile."""
    with ExitStack() as theirs, ExitStack() as ours:
        pipes, inner = descriptors.pipes(ours, theirs)
        news_write, news_read = descriptors.pipe(writing=theirs, reading=ours)
        filter_fd = descriptors.content(theirs, seccomp.program(own_network=program.beyond is not None))
        contents = _contents(program, theirs)
        here = runtime.locate()

        def command(seen_at: Callable[[str], str]) -> list[str]:
            profile = bubblewrap.arguments(
                seen_at(tool.path), here, contents, limits, seen_at=seen_at, seccomp_fd=filter_fd, info_fd=news_write
            )
            channel = (str(inner.to), str(inner.messages), limits.for_inside, ":".join(here.site))
            return [*profile, here.python, *inside_files.START, program.role, *channel, *program.arguments]

        files = (fd for _, fd in (*contents.files, *contents.settings))
        order = launcher.Order(command, (inner.to, inner.messages, news_write, filter_fd, *files), inner.log)
        popen = launcher.shared().start(replace(order, input_fd=program.beyond.socket) if program.beyond else order)
        theirs.close()
        started = Cold(popen, pipes, news=news_read)
        ours.callback(started.abandon)  # should there be no descriptor left to watch it with
        started.ended = os.pidfd_open(popen.pid)
        ours.pop_all()
    return started


def _contents(program: Program, theirs: ExitStack) -> bubblewrap.Contents:
    files = [(str(trees.inner(path)), descriptors.content(theirs, data)) for path, data in program.files.items()]
    plain = bubblewrap.Contents(binds=(inside_files.bind(), *program.binds), files=files)
    if program.beyond is None:
        return plain
    settings = [(path, descriptors.content(theirs, text.encode())) for path, text in runtime.SETTINGS.items()]
    binds = (*plain.binds, *runtime.certificates())
    return replace(plain, binds=binds, settings=settings, processes=True)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
