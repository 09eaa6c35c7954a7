"""Descriptors for a process to be started, each closed with the side that it belongs to."""

from __future__ import annotations

import os
from contextlib import ExitStack

from improvement.sandbox.started import Pipes


def pipe(*, writing: ExitStack, reading: ExitStack) -> tuple[int, int]:
    """Return the writing and the reading end of a pipe, to be closed with these stacks."""
    read, write = os.pipe()
    reading.callback(os.close, read)
    writing.callback(os.close, write)
    return write, read


def pipes(ours: ExitStack, theirs: ExitStack) -> tuple[Pipes, Pipes]:
    """Return the host's ends of the three pipes of a sandbox, and the sandbox's."""
    to_write, to_read = pipe(writing=ours, reading=theirs)
    messages_write, messages_read = pipe(writing=theirs, reading=ours)
    log_write, log_read = pipe(writing=theirs, reading=ours)
    return Pipes(to_write, messages_read, log_read), Pipes(to_read, messages_write, log_write)


def content(stack: ExitStack, data: bytes) -> int:
    """Return a descriptor from which ``data`` can be read."""
    fd = os.memfd_create("sandbox", os.MFD_CLOEXEC)
    stack.callback(os.close, fd)
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
