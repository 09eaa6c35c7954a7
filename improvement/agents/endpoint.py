"""The address of the models, as one agent sees it: it speaks the providers' paths, and takes a dummy key.

The real key is put in here and never enters the sandbox. Every request is reserved before it leaves and recorded with
what it cost; one that the run's budget has no room for is refused.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Protocol, cast

from improvement.agents import passage, speech
from improvement.agents.transcript import Attempts
from improvement.broker.configuration import ModelConfig
from improvement.broker.cutting import Cut
from improvement.broker.exchange import Exchange, Reply
from improvement.broker.redaction import Redaction
from improvement.broker.wires import wire_of
from improvement.engine.model_calls import MAX_PROMPT_BYTES, FinishReason, Message, ModelAnswer, ModelRequest, Speaker
from improvement.exceptions import CountersignError, Halted, Invalid, ModelFailed
from improvement.sandbox.text import readable

MOST_BYTES = MAX_PROMPT_BYTES // 2  # what is kept of it is JSON within JSON
MOST_VALUES = 200_000  # of a body; each takes many times the memory that it takes in the body
AT_ONCE = 4
WAIT_SECONDS = 60.0
COMPLAINT_BYTES = 65_536
OWN_FAULTS = frozenset({400, 413, 422, 429})  # what a server says of these helps the agent


class Ledger(Protocol):
    """What the agent's run spends on models; any thread may call it."""

    def reserve(self, request: ModelRequest, config: ModelConfig) -> int:
        """Set aside the most that a request may cost, and return its number; CountersignError when it may not."""

    def settle(self, number: int, answer: ModelAnswer, seconds: float) -> None:
        """Record what came of a reserved request, and what it did cost."""


@dataclass(frozen=True, slots=True)
class Reachable:
    """One model that the agent may use, with its key, and the file that counts the requests of all processes."""

    config: ModelConfig
    key: str | None = field(repr=False)
    pace_file: Path


class Endpoint:
    """The models of one agent; ``key`` is the dummy key that opens it, ``cut`` ends its requests when the agent ended.

    A few requests are under way at a time; a further one waits ``wait_seconds`` for its turn and is refused then.
    """

    def __init__(
        self,
        models: Sequence[Reachable],
        ledger: Ledger,
        attempts: Attempts,
        *,
        known_secrets: Sequence[str] = (),
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self.key = f"sk-dummy-{secrets.token_hex(16)}"
        self.models = {one.config.name: one for one in models}
        self.ledger = ledger
        self.attempts = attempts
        self.wait_seconds = wait_seconds
        self.turns = threading.BoundedSemaphore(AT_ONCE)
        self.cut = Cut()
        own = [one.key for one in models if one.key]
        self.redaction = Redaction([*known_secrets, *own])

    def serve(self, inner: socket.socket) -> None:
        """Answer the requests of one connection."""
        _Handler(inner, ("127.0.0.1", 0), cast("Any", self))


class _Handler(BaseHTTPRequestHandler):
    """One connection; ``server`` is the endpoint."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "countersign", ""

    @property
    def _endpoint(self) -> Endpoint:
        return cast("Endpoint", self.server)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what is asked is written down as an attempt."""

    def do_GET(self) -> None:
        """List the models."""
        if not self._has_key():
            return
        if self.path.partition("?")[0] not in {"/v1/models", "/v1beta/models"}:
            self._refuse(404, f"There is no {self.path[:80]} here.")
            return
        listed = [{"id": name, "object": "model", "owned_by": "countersign"} for name in self._endpoint.models]
        self._say(200, {"object": "list", "data": listed})

    def do_POST(self) -> None:
        """Pass a question on, as one of a few at a time."""
        length = self._length()
        if length is None:
            return
        if not self._endpoint.turns.acquire(timeout=self._endpoint.wait_seconds):
            self.rfile.read(length)
            self._refuse(429, f"{AT_ONCE} requests are under way already; ask again when one of them has ended.")
            return
        try:
            if request := self._asked(length):
                self._pass_on(request)
        finally:
            self._endpoint.turns.release()

    def _asked(self, length: int) -> speech.Request | None:
        """Read what is asked; nothing of the body stays in memory but what goes out."""
        content = self.rfile.read(length)
        if not self._has_key():
            return None
        path, _, query = self.path.partition("?")
        found = speech.way_of(path)
        if found is None:
            self._refuse(404, f"There is no {path[:80]} here.")
            return None
        way, match = found
        try:
            body = speech.without_secrets(_object(content), self._endpoint.redaction)
            named = speech.wanted(match, body)
            config = speech.chosen(way, named, [one.config for one in self._endpoint.models.values()])
            if config is not None:
                return speech.prepared(way, match, query, body, config)
        except Invalid as error:
            self._refuse(400, error.message)
        except (ValueError, RecursionError):
            self._refuse(400, "The body has to be a JSON object of usual depth.")
        else:
            self._refuse(404, f"No model that speaks {path[:80]} is set up here. An administrator can add one.")
        return None

    def _pass_on(self, request: speech.Request) -> None:
        endpoint, config = self._endpoint, request.config
        asked = _question(request)
        try:
            number = endpoint.ledger.reserve(asked, config)
        except CountersignError as error:
            endpoint.attempts.write(f"model: {request.wanted} refused: {error.message}")
            self._refuse(403, error.message)
            return
        most_in = asked.most_tokens_in
        del asked
        began, answer = time.monotonic(), _answer(config, most_in, request.most_tokens, "It broke off.")
        try:
            answer = self._answered(request, most_in)
        finally:
            endpoint.ledger.settle(number, endpoint.redaction.answer(answer), time.monotonic() - began)
            said = answer.error or f"{answer.tokens_in} tokens in, {answer.tokens_out} out"
            endpoint.attempts.write(f"model: {request.wanted} answered by {config.name}: {said}")

    def _answered(self, request: speech.Request, most_in: int) -> ModelAnswer:
        """Pass the request on and its answer back; return what is kept of it.

        An answer that was begun, or may have been, and whose tokens were not told to its end counts as the most.
        """
        config, model = request.config, self._endpoint.models[request.config.name]
        meter, error, status, kind = speech.Meter(), None, 0, ""
        exchange = Exchange(config, self._headers(model), pace_file=model.pace_file, cut=self._endpoint.cut)
        try:
            with exchange.post(request.path, request.content) as reply:
                status, kind = reply.status, reply.content_type
                if status == 200:
                    self._carry(reply, meter)
                else:
                    error = self._complain(reply)
        except ModelFailed as failed:
            error, self.close_connection = failed.message, True
            if not status:
                with suppress(OSError):
                    self._refuse(502, error)
        except Halted:
            error, self.close_connection = "The agent had ended.", True
        except OSError:
            error, self.close_connection = "The agent did not take the answer to its end.", True
        said = meter.finish(kind)
        tokens_in, tokens_out = meter.tokens_in, meter.tokens_out
        begun = status == 200 or (not status and exchange.was_sent)
        if begun and (error is not None or not tokens_in + tokens_out):
            tokens_in, tokens_out = tokens_in or most_in, request.most_tokens
        return _answer(config, tokens_in, tokens_out, error, said)

    def _headers(self, model: Reachable) -> dict[str, str]:
        asked_for = {one.strip() for one in self.headers.get("anthropic-beta", "").split(",")}
        betas = ",".join(sorted(asked_for & passage.BETAS))
        chosen = {"anthropic-version": self.headers.get("anthropic-version", ""), "anthropic-beta": betas}
        own = wire_of(model.config.dialect).headers(model.key)
        return {name: value for name, value in chosen.items() if value} | own

    def _complain(self, reply: Reply) -> str:
        """Answer in our own words that the server did not; return what is kept of it."""
        error = f"Its server answered {reply.status}."
        said = _complaint(reply) if reply.status in OWN_FAULTS else ""
        shown = readable(self._endpoint.redaction.text(f"{error} {said}".strip()))[:1000]
        self._refuse(reply.status if 400 <= reply.status <= 599 else 502, shown)
        return error

    def _carry(self, reply: Reply, meter: speech.Meter) -> None:
        """Pass an answer on as it comes, and count it."""
        self.send_response(200)
        self.send_header("Content-Type", reply.content_type or "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in reply.chunks:
            meter.take(chunk)
            if chunk:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _length(self) -> int | None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MOST_BYTES:
            self._refuse(413, f"A request has to state its length, of at most {MOST_BYTES // 1_000_000} MB.")
            self.close_connection = True
            return None
        return int(length)

    def _has_key(self) -> bool:
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        given = self.headers.get("x-api-key") or self.headers.get("x-goog-api-key") or bearer
        if hmac.compare_digest(given.encode(), self._endpoint.key.encode()):
            return True
        self._refuse(401, "This address takes only the key that stands in OPENAI_API_KEY inside.")
        return False

    def _refuse(self, status: int, why: str) -> None:
        self._say(status, {"type": "error", "error": {"type": "countersign", "message": why}})

    def _say(self, status: int, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _question(request: speech.Request) -> ModelRequest:
    """Return a request as the ledger takes it: its whole body as what a user says."""
    message = Message(Speaker.USER, request.content.decode())
    return ModelRequest((message,), request.config.name, max_tokens=request.most_tokens)


def _answer(config: ModelConfig, tokens_in: int, tokens_out: int, error: str | None, said: str = "") -> ModelAnswer:
    return ModelAnswer(
        text=said,
        model=config.name,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost_microusd=config.cost_microusd(tokens_in, tokens_out),
        finish_reason=FinishReason.OTHER if error is None else FinishReason.FAILED,
        error=error,
    )


def _object(content: bytes) -> passage.Body:
    """Read the body of a request; raises Invalid, ValueError or RecursionError for what is none."""
    if sum(map(content.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise Invalid(f"A request may hold {MOST_VALUES:,} values at most.")
    body = json.loads(content)
    if not isinstance(body, dict):
        raise Invalid("The body has to be a JSON object.")
    return body


def _complaint(reply: Reply) -> str:
    """Return the message in what a server said was wrong, if it is where all providers put it."""
    content = bytearray()
    for chunk in reply.chunks:
        content += chunk
        if len(content) > COMPLAINT_BYTES:
            return ""
    try:
        said = json.loads(content)["error"]["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return said if isinstance(said, str) else ""
