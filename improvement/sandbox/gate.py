"""What an agent's sandbox may connect to: sockets that it listens on in its own network, and the host answers.

The network inside holds nothing but the sandbox itself. Its first code listens on the ports that the host names and
hands these sockets over before the agent starts; the host accepts on them and serves each connection itself.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)

AT_ONCE = 64
SILENT_SECONDS = 300.0
JOIN_SECONDS = 0.5

Door = Callable[[socket.socket], None]
"""Serves one connection of the sandbox, which it need not close; it runs in a thread of its own."""


class Gate:
    """The doors of one sandbox, each a port inside. ``inner`` is what the sandbox is given as standard input."""

    def __init__(self, doors: Mapping[int, Door]) -> None:
        self._doors = doors
        self._ours, theirs = socket.socketpair()
        self.inner = theirs
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._serving: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._work, name="agent-gate", daemon=True)

    def started(self) -> None:
        """Begin to serve; the sandbox has its end now."""
        self.inner.close()
        self._thread.start()

    def close(self) -> None:
        """Break every connection off."""
        self._closing.set()
        self._break(self._ours)
        with self._lock:
            for one in self._open:
                self._break(one)
        if self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)
        for thread in self._serving:
            thread.join(JOIN_SECONDS)
        self.inner.close()

    def _work(self) -> None:
        with self._ours:
            listening = _received(self._ours, list(self._doors))
        if not listening:
            return
        with selectors.DefaultSelector() as selector:
            for port, one in listening.items():
                self._keep(one)
                selector.register(one, selectors.EVENT_READ, self._doors[port])
            while not self._closing.is_set():
                for key, _ in selector.select(JOIN_SECONDS / 2):
                    self._accept(key.fileobj, key.data)
        for one in listening.values():
            self._drop(one)

    def _accept(self, listening: object, door: Door) -> None:
        assert isinstance(listening, socket.socket)
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        if self._closing.is_set() or not self._free.acquire(blocking=False):
            connection.close()
            return
        connection.settimeout(SILENT_SECONDS)
        self._keep(connection)
        thread = threading.Thread(target=self._serve, args=(connection, door), name="agent-door", daemon=True)
        self._serving = [*(one for one in self._serving if one.is_alive()), thread]
        thread.start()

    def _serve(self, connection: socket.socket, door: Door) -> None:
        try:
            door(connection)
        except OSError as error:
            logger.info("a connection of an agent broke off: %s", error)
        finally:
            self._drop(connection)
            self._free.release()

    def _keep(self, one: socket.socket) -> None:
        with self._lock:
            self._open.add(one)
        if self._closing.is_set():
            self._break(one)

    def _drop(self, one: socket.socket) -> None:
        with self._lock:
            self._open.discard(one)
            one.close()

    @staticmethod
    def _break(one: socket.socket) -> None:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _received(way: socket.socket, ports: list[int]) -> dict[int, socket.socket]:
    """Return what the sandbox listens on, by port; nothing unless it is exactly what was asked for."""
    try:
        _, descriptors, _, _ = socket.recv_fds(way, 64, len(ports))
    except OSError:
        return {}
    listening = {}
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
        one = socket.socket(fileno=descriptor)
        if one.family is socket.AF_INET and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            one.setblocking(False)
            listening[one.getsockname()[1]] = one
        else:
            one.close()
    if listening.keys() == set(ports):
        return listening
    for one in listening.values():
        one.close()
    return {}
