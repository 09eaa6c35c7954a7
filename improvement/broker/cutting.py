"""Cutting requests to models off from another thread, at once, whatever they wait for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from improvement.exceptions import Halted

Trace = Callable[[str, Mapping[str, Any]], None]


class Cut:
    """What ends requests that share it: those under way, and those that would begin."""

    def __init__(self) -> None:
        self._is_made = threading.Event()
        self._turn = threading.Lock()
        self._connections: set[socket.socket] = set()

    def make(self) -> None:
        """Cut everything off."""
        with self._turn:
            self._is_made.set()
            for connection in self._connections:
                _shut(connection)

    def check(self) -> None:
        """Raise ``Halted`` once it is made."""
        if self._is_made.is_set():
            raise Halted("The question to a model was cut off.")

    def sleep(self, seconds: float) -> None:
        """Wait; raises ``Halted`` as soon as it is made."""
        self._is_made.wait(max(0.0, seconds))
        self.check()

    @contextmanager
    def watched(self) -> Iterator[Trace]:
        """Give what the HTTP client has to tell of its connections, which are let go at the end of the block.

        A duplicate of each is held: it ends the connection whoever has the original, in the middle of TLS as well.
        """
        mine: list[socket.socket] = []

        def trace(event: str, about: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                mine.append(about["return_value"].get_extra_info("socket").dup())
                self._hold(mine[-1])

        try:
            yield trace
        finally:
            with self._turn:
                self._connections.difference_update(mine)
            for connection in mine:
                connection.close()

    def _hold(self, connection: socket.socket) -> None:
        with self._turn:
            self._connections.add(connection)
            if self._is_made.is_set():
                _shut(connection)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the server was first
        connection.shutdown(socket.SHUT_RDWR)
