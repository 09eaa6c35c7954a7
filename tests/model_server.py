"""A language model's server on loopback that speaks every wire format over real HTTP, with faults on demand.

    with ModelServer(lambda prompt: "x = 2") as server:
        config = server.config(Dialect.ANTHROPIC)
        server.faults.append(Fault(429, retry_after="0"))
        ...
        assert [asked.prompt for asked in server.asked] == [...]

``answers`` maps a prompt (all messages joined by blank lines) to the text of the answer. A token is a word. Requests
that the real servers would refuse are refused: without key, without what the format requires.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from improvement.broker.configuration import Dialect, ModelConfig
from tests.model_wires import FORMATS, Format, Refused

KEY = "sk-of-the-tests-0123456789abcdefghij"
Answers = Callable[[str], str]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    ``status`` is answered instead of 200, with ``retry_after`` and ``location`` as headers and ``says`` as its words.
    With 200, ``stream`` says how the answer is spoiled: cut (a clean end before the end), broken (the connection is
    closed), silent (nothing more comes), dripping (comments for ever), garbage (no JSON), shapeless (JSON of another
    form), endless (text for ever), page (another type of content), compressed, complaint (an error in the stream).
    """

    status: int = 200
    stream: str = ""
    retry_after: str | None = None
    location: str | None = None
    says: str = "as the test asked for"


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    prompt: str


class ModelServer:
    """The server; it runs in a thread of the test's process from ``with`` to its end."""

    def __init__(
        self,
        answers: Answers = lambda prompt: f"You said {len(prompt.split())} words.",
        *,
        tls: ssl.SSLContext | None = None,
        key: str | None = KEY,
    ) -> None:
        """Without a key the server asks for none."""
        self.key = key
        self.answers = answers
        self.faults: deque[Fault | None] = deque()
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._server.server_address[1])

    def url(self, dialect: Dialect = Dialect.COMPATIBLE) -> str:
        """Return the address to configure for a format."""
        return f"http://127.0.0.1:{self.port}/{'v1beta' if dialect is Dialect.GEMINI else 'v1'}"

    def config(self, dialect: Dialect = Dialect.COMPATIBLE, **changes: Any) -> ModelConfig:
        """Return a model of this server: called ``local``, 3 US dollars in and 15 out, 10 seconds."""
        stated: dict[str, Any] = {
            "name": "local",
            "dialect": dialect,
            "base_url": self.url(dialect),
            "model": "tiny-1",
            "price_in": Decimal(3),
            "price_out": Decimal(15),
            "seconds": 10,
            "requests_per_minute": 6000,
            "private": True,
        }
        return ModelConfig(**{**stated, **changes})


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, model: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _model(self) -> ModelServer:
        assert isinstance(self.server, _Server)
        return self.server.model

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a test's output is the test's."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with suppress(BrokenPipeError, ConnectionResetError):
            self._answer(content)
        self.close_connection = True

    def _answer(self, content: bytes) -> None:
        path = self.path.partition("?")[0]
        spoken = next((one for one in FORMATS if one.path.fullmatch(path)), None)
        if spoken is None:
            self._say(404, {"error": {"message": f"There is no {path}."}})
            return
        try:
            body = spoken.read(content, dict(self.headers), self.path, key=self._model.key)
        except Refused as refused:
            self._say(refused.status, {"error": {"message": str(refused)}})
            return
        prompt = spoken.prompt(body)
        self._model.asked.append(Asked(self.path, dict(self.headers), body, prompt))
        self._with(self._model.faults.popleft() if self._model.faults else None, spoken, body, prompt)

    def _with(self, fault: Fault | None, spoken: Format, body: dict[str, Any], prompt: str) -> None:
        if fault is not None and fault.status != 200:
            headers = {"Retry-After": fault.retry_after, "Location": fault.location}
            self._say(fault.status, {"error": {"message": fault.says}}, headers)
        elif spoken.is_streamed(body, self.path):
            self._stream(fault, list(spoken.events(prompt, self._model.answers(prompt))), fault.stream if fault else "")
        else:
            self._say(200, spoken.whole(prompt, self._model.answers(prompt)))

    def _stream(self, fault: Fault | None, events: list[str], how: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if how == "page" else "text/event-stream")
        if how == "compressed":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in _spoiled(events, how, fault.says if fault else "", self._model.closing):
            self._chunk(piece.encode())
        if how != "broken":
            self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _say(self, status: int, value: object, headers: dict[str, str | None] | None = None) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", **(headers or {})}.items():
            if text is not None:
                self.send_header(name, text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _spoiled(events: list[str], how: str, says: str, closing: threading.Event) -> Iterator[str]:
    """Give the stream as it is sent: whole, or spoiled after its first half."""
    if not how:
        yield from events
        return
    yield from events[: len(events) // 2]
    if how == "silent":
        closing.wait()
    while how in {"dripping", "endless"} and not closing.wait(0.0 if how == "endless" else 0.02):
        yield ": still here\n\n" if how == "dripping" else events[len(events) // 2] * 1000
    if how == "complaint":
        yield f"data: {json.dumps({'type': 'error', 'error': {'type': 'overloaded_error', 'message': says}})}\n\n"
    elif how in {"garbage", "shapeless"}:
        yield "data: <html>{\n\n" if how == "garbage" else 'data: {"type": 7, "choices": 7, "candidates": 7}\n\n'
