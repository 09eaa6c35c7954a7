"""A sandbox is counted as at work from before it starts until it is gone, whatever goes wrong between the two."""

from __future__ import annotations

import errno
import selectors
from pathlib import Path
from typing import Any

import pytest

from improvement.sandbox import running
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause, Process
from improvement.sandbox.program import Program

PROGRAM = Program("evaluator")


class Full(selectors.SelectSelector):
    """A selector that takes so many descriptors and no more, as the kernel does at its limit."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.counts: list[int] = []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Take the descriptor while there is room."""
        self.counts.append(running.shared().count)
        if len(self.get_map()) == self.room:
            raise OSError(errno.ENOSPC, "no room for another descriptor")
        return super().register(fileobj, events, data)


class Broken(selectors.SelectSelector):
    """A selector that cannot let go of a descriptor."""

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Fail as a selector does that was closed."""
        raise KeyError(fileobj)


@pytest.fixture(autouse=True)
def _launcher_started() -> None:
    """Start what starts sandboxes, which keeps a descriptor."""
    with selectors.DefaultSelector() as selector:
        Process(PROGRAM, Limits(), selector).end(Cause.DONE)


@pytest.mark.parametrize("room", [0, 2, 3])
def test_a_sandbox_that_cannot_be_watched_is_killed_and_not_counted(room: int) -> None:
    descriptors = _descriptors()
    with Full(room) as selector:
        with pytest.raises(OSError, match="no room"):
            Process(PROGRAM, Limits(), selector)
        assert selector.counts == [1] * (room + 1)
        assert (running.shared().count, len(selector.get_map()), _descriptors()) == (0, 0, descriptors)


def test_a_sandbox_whose_end_cannot_be_read_is_counted_once_and_no_longer() -> None:
    with Broken() as selector:
        process = Process(PROGRAM, Limits(), selector)
        for _ in range(2):
            with pytest.raises((KeyError, ChildProcessError)):
                process.end(Cause.STOPPED)
            assert running.shared().count == 0


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
