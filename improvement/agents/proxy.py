"""The one way of an agent to the network: an HTTP proxy (RFC 9110, section 9.3.6; RFC 9112, section 3.2) with a list.

A name is looked up here, never inside, and only when it is on the list; the connection goes to the very address that
was judged, so a second answer of the name server (DNS rebinding) changes nothing. Addresses of this machine and its
networks, where clouds keep credentials, are never connected to.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from improvement.agents.transcript import Attempts
from improvement.exceptions import Invalid
from improvement.hosts import HostList, is_public, plain_name

HEAD_BYTES = 32_768
CONNECT_SECONDS = 10.0
SILENT_SECONDS = 300.0
PIECE = 1 << 16
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
NOT_PASSED_ON = frozenset({"connection", "host", "keep-alive", "proxy-authorization", "proxy-connection", "upgrade"})

Resolve = Callable[[str, int], list[str]]
"""Gives the numeric addresses of a name; OSError when it has none."""


class Refused(Exception):
    """The request is not carried out; the text says why, ``status`` is the HTTP status."""

    def __init__(self, why: str, status: str = "403 Forbidden") -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of the proxy: where to, what to send there first, and what is said once there is a connection."""

    host: str
    port: int
    method: str
    first: bytes
    greeting: bytes


def looked_up(host: str, port: int) -> list[str]:
    """Ask this machine's name service."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Proxy:
    """Serves the connections of one agent; each attempt is written down, refused or not.

    ``may_be_at`` judges the numeric addresses of a name that is on the list.
    """

    def __init__(
        self,
        hosts: HostList,
        attempts: Attempts,
        *,
        resolve: Resolve = looked_up,
        may_be_at: Callable[[str], bool] = is_public,
    ) -> None:
        self._hosts = hosts
        self._attempts = attempts
        self._resolve = resolve
        self._may_be_at = may_be_at

    def serve(self, inner: socket.socket) -> None:
        """Carry out the one request of a connection."""
        asked = "an unreadable request"
        try:
            request = _read(inner)
            asked = f"{request.method} {request.host}:{request.port}"
            address = self._judged(request.host, request.port)
            with self._connected(request.host, address, request.port) as outer:
                inner.sendall(request.greeting)
                outer.sendall(request.first)
                out, back = _carry(inner, outer)
                self._attempts.write(
                    f"proxy: {asked} at {address}: {len(request.first) + out} bytes out, {back} bytes back"
                )
        except Refused as refused:
            self._attempts.write(f"proxy: {asked} refused: {refused}")
            _answer(inner, refused)

    def _judged(self, host: str, port: int) -> str:
        """Return the address to connect to."""
        if not self._hosts.allows(host, port):
            raise Refused(f"{host}:{port} is not on the list of hosts that the policy grants to agents.")
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError):
            raise Refused(f"The name {host} cannot be looked up.", "502 Bad Gateway") from None
        if not addresses or not all(map(self._may_be_at, addresses)):
            raise Refused(f"{host} is at an address that is not public, which no agent reaches.")
        return addresses[0]

    @staticmethod
    def _connected(host: str, address: str, port: int) -> socket.socket:
        try:
            outer = socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError:
            raise Refused(f"{host}:{port} does not answer.", "502 Bad Gateway") from None
        outer.settimeout(SILENT_SECONDS)
        return outer


def _read(inner: socket.socket) -> _Request:
    data = b""
    while b"\r\n\r\n" not in data:
        more = inner.recv(PIECE)
        if not more or len(data) > HEAD_BYTES:
            raise Refused("It is not an HTTP request.", "400 Bad Request")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    try:
        return _request(head.decode("ascii"), rest)
    except ValueError:
        raise Refused("It is not a request that a proxy can carry out.", "400 Bad Request") from None
    except Invalid as error:
        raise Refused(error.message, "400 Bad Request") from None


def _request(head: str, rest: bytes) -> _Request:
    """Read a request; ValueError or Invalid when it is none for a proxy."""
    line, *fields = head.split("\r\n")
    if any(not one.isprintable() or one[:1] == " " for one in fields):
        raise ValueError(fields)
    method, target, version = line.split(" ")
    if version not in {"HTTP/1.1", "HTTP/1.0"} or not method.isalpha():
        raise ValueError(version)
    return _tunnel(target, rest) if method == "CONNECT" else _plain(method, target, fields, rest)


def _tunnel(target: str, rest: bytes) -> _Request:
    host, _, port = target.rpartition(":")
    return _Request(plain_name(host), int(port), "CONNECT", rest, CONNECTED)


def _plain(method: str, target: str, fields: list[str], rest: bytes) -> _Request:
    """Rewrite a request for a whole address into one for its path, with the host that was judged."""
    parts = urlsplit(target)
    if parts.scheme != "http" or parts.username is not None or not parts.hostname:
        raise ValueError(target)
    host, port = plain_name(parts.hostname), parts.port or 80
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [one for one in fields if one.partition(":")[0].strip().lower() not in NOT_PASSED_ON]
    head = "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", *kept, "", ""])
    return _Request(host, port, method, head.encode("ascii") + rest, b"")


def _carry(inner: socket.socket, outer: socket.socket) -> tuple[int, int]:
    """Carry bytes both ways until both sides have ended, or are silent for long; return how many went each way."""
    counts = {inner: 0, outer: 0}
    other = {inner: outer, outer: inner}
    with selectors.DefaultSelector() as selector:
        for one in counts:
            selector.register(one, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(SILENT_SECONDS)
            if not ready:
                break
            for key, _ in ready:
                source = key.fileobj
                assert isinstance(source, socket.socket)
                data = _received(source)
                counts[source] += len(data)
                if not _passed_on(other[source], data):
                    selector.unregister(source)
    return counts[inner], counts[outer]


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(PIECE)
    except OSError:
        return b""


def _passed_on(target: socket.socket, data: bytes) -> bool:
    """Pass data on, or the end; say whether more may come."""
    try:
        if data:
            target.sendall(data)
            return True
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    return False


def _answer(inner: socket.socket, refused: Refused) -> None:
    text = f"{refused}\n".encode()
    head = f"HTTP/1.1 {refused.status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n"
    try:
        inner.sendall(f"{head}Connection: close\r\n\r\n".encode() + text)
    except OSError:
        return
