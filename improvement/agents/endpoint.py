"""The address of the models, as one agent sees it: it speaks the providers' paths, and takes a dummy key.

The real key is put in here and never enters the sandbox. Every request is reserved before it leaves and recorded with
what it cost; one that the run's budget has no room for is refused.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Protocol, cast

from improvement.agents import speech
from improvement.agents.transcript import Attempts
from improvement.broker.configuration import ModelConfig
from improvement.broker.exchange import Exchange, Reply
from improvement.broker.redaction import Redaction
from improvement.broker.wires import wire_of
from improvement.engine.model_calls import MAX_PROMPT_BYTES, FinishReason, Message, ModelAnswer, ModelRequest, Speaker
from improvement.exceptions import CountersignError, ModelFailed

PASSED_ON = ("anthropic-version", "anthropic-beta")
LETTERS_PER_TOKEN = 4
MOST_BYTES = MAX_PROMPT_BYTES // 2  # what is kept of it is JSON within JSON


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
    """The models of one agent; ``key`` is the dummy key that opens it."""

    def __init__(
        self, models: Sequence[Reachable], ledger: Ledger, attempts: Attempts, *, known_secrets: Sequence[str] = ()
    ) -> None:
        self.key = f"sk-dummy-{secrets.token_hex(16)}"
        self.models = {one.config.name: one for one in models}
        self.ledger = ledger
        self.attempts = attempts
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
        """Pass a question on."""
        content = self._content()
        if content is None or not self._has_key():
            return
        path, _, query = self.path.partition("?")
        found = speech.way_of(path)
        if found is None:
            self._refuse(404, f"There is no {path[:80]} here.")
            return
        way, match = found
        try:
            body = json.loads(content)
            wanted = match.groupdict().get("model") or body.get("model")
        except (ValueError, AttributeError, RecursionError):
            self._refuse(400, "The body has to be a JSON object.")
            return
        config = speech.chosen(way, wanted, [one.config for one in self._endpoint.models.values()])
        if config is None:
            self._refuse(404, f"No model that speaks {path[:80]} is set up here. An administrator can add one.")
            return
        clean = speech.without_secrets(body, self._endpoint.redaction)
        self._pass_on(speech.prepared(way, match, query, clean, config), wanted)

    def _pass_on(self, request: speech.Request, wanted: object) -> None:
        endpoint, config = self._endpoint, request.config
        text = json.dumps(request.body, ensure_ascii=False)
        asked = ModelRequest((Message(Speaker.USER, text),), config.name, max_tokens=request.most_tokens)
        try:
            number = endpoint.ledger.reserve(asked, config)
        except CountersignError as error:
            endpoint.attempts.write(f"model: {wanted} refused: {error.message}")
            self._refuse(403, error.message)
            return
        began, answer = time.monotonic(), ModelAnswer.failed(config.name, "The connection to the agent broke off.")
        try:
            answer = self._answered(request, text)
        finally:
            endpoint.ledger.settle(number, endpoint.redaction.answer(answer), time.monotonic() - began)
            said = answer.error or f"{answer.tokens_in} tokens in, {answer.tokens_out} out"
            endpoint.attempts.write(f"model: {wanted} answered by {config.name}: {said}")

    def _answered(self, request: speech.Request, text: str) -> ModelAnswer:
        """Pass the request on and its answer back; return what is kept of it."""
        config, model = request.config, self._endpoint.models[request.config.name]
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        headers |= wire_of(config.dialect).headers(model.key)
        meter, error, kind = speech.Meter(), None, ""
        try:
            with Exchange(config, headers, pace_file=model.pace_file).post(request.path, text.encode()) as reply:
                kind = reply.content_type
                self._carry(reply, meter)
                error = None if reply.status == 200 else f"Its server answered {reply.status}."
        except ModelFailed as failed:
            error = failed.message
            if not kind:
                self._refuse(502, error)
            self.close_connection = True
        except OSError:
            error, self.close_connection = "The agent did not take the answer to its end.", True
        said = meter.finish(kind)
        answered = meter.tokens_out if error is None else max(meter.tokens_out, kind != "" and _about(said))
        asked = meter.tokens_in or (_about(text) if said and (error is None or kind == "text/event-stream") else 0)
        return ModelAnswer(
            text=said,
            model=config.name,
            tokens_in=asked,
            tokens_out=answered,
            cost_microusd=config.cost_microusd(asked, answered),
            finish_reason=FinishReason.OTHER if error is None else FinishReason.FAILED,
            error=error,
        )

    def _carry(self, reply: Reply, meter: speech.Meter) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type or "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in reply.chunks:
            meter.take(chunk)
            if chunk:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _content(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MOST_BYTES:
            self._refuse(413, f"A request has to state its length, of at most {MOST_BYTES // 1_000_000} MB.")
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

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


def _about(text: str) -> int:
    return -(-len(text) // LETTERS_PER_TOKEN)
