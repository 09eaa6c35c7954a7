"""The proxy of agents: what is on the list and public is reached, everything else is refused and written down."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from improvement.agents.proxy import Proxy
from improvement.agents.transcript import Attempts
from improvement.hosts import HostList

GRANTED = "granted.example.org"


class _Hello(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        text = f"{self.headers['Host']} {self.path} {sent.decode()} {self.headers['Proxy-Authorization']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hello) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving.server_address[1]
        serving.shutdown()


def asked(proxy: Proxy, *parts: bytes) -> bytes:
    """Send parts of a request over a connection and return everything that comes back."""
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=_served, args=(proxy, theirs))
    serving.start()
    with ours:
        ours.settimeout(10)
        for part in parts:
            ours.sendall(part)
        ours.shutdown(socket.SHUT_WR)
        answer = b""
        while data := ours.recv(4096):
            answer += data
        serving.join()
    return answer


def _served(proxy: Proxy, connection: socket.socket) -> None:
    """As the gate does: the connection is closed when it has been served."""
    with connection:
        proxy.serve(connection)


def local(attempts: Attempts, port: int) -> Proxy:
    """A proxy for which the one granted name is at this machine, and may be."""
    hosts = HostList.parse([f"{GRANTED}:{port}"])
    return Proxy(hosts, attempts, resolve=lambda _host, _port: ["127.0.0.1"], may_be_at=lambda one: one == "127.0.0.1")


def test_a_tunnel_carries_bytes_both_ways(server: int) -> None:
    attempts = Attempts()
    request = b"POST /a HTTP/1.0\r\nHost: inner\r\nContent-Length: 2\r\n\r\nhi"
    answer = asked(local(attempts, server), f"CONNECT {GRANTED}:{server} HTTP/1.1\r\n\r\n".encode() + request)
    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.0 200 OK")
    assert answer.endswith(b"inner /a hi None")
    assert f"CONNECT {GRANTED}:{server} at 127.0.0.1: {len(request)} bytes out" in attempts.text()


def test_a_plain_request_is_passed_on_with_the_host_that_was_judged(server: int) -> None:
    head = (
        f"POST http://{GRANTED}:{server}/b?c=d HTTP/1.1\r\nHost: other.example.org\r\nProxy-Authorization: secret\r\n"
    )
    answer = asked(local(Attempts(), server), head.encode(), b"Content-Length: 3\r\n\r\n", b"yes")
    assert answer.endswith(f"{GRANTED}:{server} /b?c=d yes None".encode())


@pytest.mark.parametrize(
    ("request_line", "status", "why"),
    [
        ("CONNECT other.example.org:443 HTTP/1.1", b"403", "not on the list"),
        (f"CONNECT {GRANTED}:22 HTTP/1.1", b"403", "not on the list"),
        ("CONNECT 93.184.216.34:443 HTTP/1.1", b"400", "not the full name of a host"),
        ("CONNECT 169.254.169.254:80 HTTP/1.1", b"400", "not the full name of a host"),
        ("CONNECT [::1]:443 HTTP/1.1", b"400", "not the full name of a host"),
        ("CONNECT 0x7f.1:443 HTTP/1.1", b"403", "not on the list"),
        ("GET http://169.254.169.254/latest/meta-data/ HTTP/1.1", b"400", "not the full name"),
        (f"GET http://user:pass@{GRANTED}/ HTTP/1.1", b"400", "not a request that a proxy can carry out"),
        (f"GET ftp://{GRANTED}/ HTTP/1.1", b"400", "not a request"),
        ("GET / HTTP/1.1", b"400", "not a request"),
        (f"CONNECT {GRANTED}:443 HTTP/1.1\r\nX: a\nHost: evil.example.org", b"400", "not a request"),
        ("nonsense", b"400", "not a request"),
    ],
)
def test_what_is_not_granted_is_refused_and_written_down(request_line: str, status: bytes, why: str) -> None:
    attempts = Attempts()
    answer = asked(Proxy(HostList.parse([GRANTED]), attempts, resolve=_never), f"{request_line}\r\n\r\n".encode())
    assert answer.split(b" ")[1] == status
    assert why in answer.decode()
    assert why in attempts.text()


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["169.254.169.254"], ["93.184.216.34", "10.0.0.1"], ["::ffff:192.168.0.1"], []]
)
def test_a_granted_name_at_an_address_of_this_network_is_refused(addresses: list[str]) -> None:
    attempts = Attempts()
    proxy = Proxy(HostList.parse([GRANTED]), attempts, resolve=lambda _host, _port: addresses)
    assert b"403 Forbidden" in asked(proxy, f"CONNECT {GRANTED}:443 HTTP/1.1\r\n\r\n".encode())
    assert "not public" in attempts.text()


def test_a_name_is_looked_up_once(server: int) -> None:
    """A name server that answers something else the second time changes nothing."""
    answers = iter([["127.0.0.1"], ["192.0.2.1"]])
    proxy = Proxy(
        HostList.parse([f"{GRANTED}:{server}"]),
        Attempts(),
        resolve=lambda _host, _port: next(answers),
        may_be_at=lambda one: one == "127.0.0.1",
    )
    request = b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n"
    assert b"200 OK" in asked(proxy, f"CONNECT {GRANTED}:{server} HTTP/1.1\r\n\r\n".encode() + request)


def test_a_name_that_is_nowhere_is_a_bad_gateway() -> None:
    attempts = Attempts()
    proxy = Proxy(HostList.parse([GRANTED]), attempts, resolve=_nowhere)
    assert b"502 Bad Gateway" in asked(proxy, f"CONNECT {GRANTED}:443 HTTP/1.1\r\n\r\n".encode())
    assert "cannot be looked up" in attempts.text()


def _never(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host}:{port} was looked up")


def _nowhere(host: str, port: int) -> list[str]:
    raise OSError(host, port)
