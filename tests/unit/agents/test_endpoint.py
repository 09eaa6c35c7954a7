"""An agent asks models at an address of its own, with a dummy key; the host puts in model and key, and counts."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from improvement.agents.endpoint import Endpoint, Reachable
from improvement.agents.transcript import Attempts
from improvement.broker.configuration import Dialect, ModelConfig
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Invalid
from tests.model_server import KEY, Fault, ModelServer

CHAT = {"model": "whatever", "messages": [{"role": "user", "content": "two words"}]}
MESSAGES = {"model": "claude", "max_tokens": 50, "messages": [{"role": "user", "content": "two words"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "two words"}]}]}


class Book:
    """A ledger in memory with room for so many requests."""

    def __init__(self, room: int = 10) -> None:
        self.room = room
        self.asked: list[ModelRequest] = []
        self.answers: list[ModelAnswer] = []

    def reserve(self, request: ModelRequest, config: ModelConfig) -> int:
        if len(self.asked) == self.room:
            raise Invalid("The budget of this run is spent.")
        self.asked.append(request)
        return len(self.asked)

    def settle(self, number: int, answer: ModelAnswer, seconds: float) -> None:
        self.answers.append(answer)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(lambda prompt: f"You said: {prompt}") as running:
        yield running


def endpoint(server: ModelServer, folder: Path, dialect: Dialect, book: Book, **changes: Any) -> Endpoint:
    model = Reachable(server.config(dialect, **changes), KEY, folder / "pace")
    return Endpoint([model], book, Attempts())


def post(at: Endpoint, path: str, body: object, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Send one request over a connection to the endpoint; return the status and the content, chunks joined."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Authorization": f"Bearer {at.key}", "Content-Length": str(len(content)), "Connection": "close"}
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: a",
        *(f"{key}: {value}" for key, value in (given | (headers or {})).items()),
    ]
    return sent(at, "\r\n".join([*lines, "", ""]).encode() + content)


def sent(at: Endpoint, data: bytes) -> tuple[int, str]:
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            at.serve(theirs)

    serving = threading.Thread(target=serve)
    serving.start()
    with ours:
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        answer = b""
        while more := ours.recv(65536):
            answer += more
        serving.join()
    head, _, content = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    return status, (unchunked(content) if b"chunked" in head else content).decode()


def unchunked(content: bytes) -> bytes:
    joined = b""
    while content:
        size, _, content = content.partition(b"\r\n")
        joined, content = joined + content[: int(size, 16)], content[int(size, 16) + 2 :]
    return joined


@pytest.mark.parametrize(
    ("dialect", "path", "body"),
    [
        (Dialect.COMPATIBLE, "/v1/chat/completions", CHAT),
        (Dialect.OPENAI, "/v1/chat/completions", CHAT),
        (Dialect.OPENAI, "/v1/chat/completions", {**CHAT, "stream": True}),
        (Dialect.ANTHROPIC, "/v1/messages", MESSAGES),
        (Dialect.ANTHROPIC, "/v1/messages", {**MESSAGES, "stream": True}),
        (Dialect.GEMINI, "/v1beta/models/gemini-pro:generateContent", CONTENTS),
        (Dialect.GEMINI, "/v1beta/models/gemini-pro:streamGenerateContent?alt=sse", CONTENTS),
    ],
)
def test_a_question_is_passed_on_with_the_real_key_and_counted(
    server: ModelServer, tmp_path: Path, dialect: Dialect, path: str, body: dict[str, Any]
) -> None:
    book = Book()
    at = endpoint(server, tmp_path, dialect, book)
    status, content = post(at, path, body)
    assert (status, server.asked[0].prompt) == (200, "two words")
    assert "You" in content
    assert at.key not in json.dumps([server.asked[0].headers, server.asked[0].body])
    answer = book.answers[0]
    assert (answer.tokens_in, answer.tokens_out, answer.error) == (2, 4, None)
    assert answer.cost_microusd == 2 * 3 + 4 * 15
    assert "two words" in book.asked[0].messages[0].text


def test_the_host_decides_on_the_model_and_the_limit(server: ModelServer, tmp_path: Path) -> None:
    at = endpoint(server, tmp_path, Dialect.ANTHROPIC, Book(), max_tokens=30)
    post(at, "/v1/messages", MESSAGES)
    assert (server.asked[0].body["model"], server.asked[0].body["max_tokens"]) == ("tiny-1", 30)


@pytest.mark.parametrize("key", ["Bearer sk-wrong", "", f"Bearer {KEY}"])
def test_only_the_dummy_key_opens_it(server: ModelServer, tmp_path: Path, key: str) -> None:
    book = Book()
    status, _ = post(
        endpoint(server, tmp_path, Dialect.OPENAI, book), "/v1/chat/completions", CHAT, {"Authorization": key}
    )
    assert (status, book.asked, server.asked) == (401, [], [])


def test_the_budget_that_is_gone_refuses(server: ModelServer, tmp_path: Path) -> None:
    at = endpoint(server, tmp_path, Dialect.OPENAI, Book(room=1))
    statuses = [post(at, "/v1/chat/completions", CHAT) for _ in range(2)]
    assert [status for status, _ in statuses] == [200, 403]
    assert "The budget of this run is spent." in statuses[1][1]
    assert len(server.asked) == 1


def test_secrets_do_not_leave_and_are_not_kept(server: ModelServer, tmp_path: Path) -> None:
    book = Book()
    secret = "ghp_" + "a1" * 18
    at = endpoint(server, tmp_path, Dialect.OPENAI, book)
    post(at, "/v1/chat/completions", {**CHAT, "messages": [{"role": "user", "content": f"{KEY} {secret}"}]})
    kept = json.dumps([book.asked[0].as_json(), book.answers[0].as_json()])
    assert secret not in kept + json.dumps(server.asked[0].body)
    assert KEY not in kept + json.dumps(server.asked[0].body)


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (Fault(400, says="no"), 400, "Its server answered 400."),
        (Fault(stream="broken"), 200, "broke off"),
    ],
)
def test_what_goes_wrong_is_passed_on_and_recorded(
    server: ModelServer, tmp_path: Path, fault: Fault, status: int, error: str
) -> None:
    book = Book()
    server.faults.append(fault)
    body = {**CHAT, "stream": True}
    assert post(endpoint(server, tmp_path, Dialect.OPENAI, book), "/v1/chat/completions", body)[0] == status
    assert error in (book.answers[0].error or "")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/embeddings", CHAT, 404),
        ("/v1/messages", MESSAGES, 404),
        ("/v1/chat/completions", b"not json", 400),
        ("/v1/chat/completions", [1], 400),
        ("/v1/chat/completions", b"[" * 100_000, 400),
    ],
)
def test_what_is_no_question_is_refused(
    server: ModelServer, tmp_path: Path, path: str, body: object, status: int
) -> None:
    book = Book()
    assert post(endpoint(server, tmp_path, Dialect.OPENAI, book), path, body)[0] == status
    assert (book.asked, server.asked) == ([], [])


def test_a_question_without_a_length_or_too_long_is_refused(server: ModelServer, tmp_path: Path) -> None:
    at = endpoint(server, tmp_path, Dialect.OPENAI, Book())
    for length in ("", "-1", "9999999999"):
        assert post(at, "/v1/chat/completions", CHAT, {"Content-Length": length})[0] == 413


def test_the_models_are_listed(server: ModelServer, tmp_path: Path) -> None:
    at = endpoint(server, tmp_path, Dialect.OPENAI, Book())
    status, content = sent(at, f"GET /v1/models HTTP/1.1\r\nHost: a\r\nx-api-key: {at.key}\r\n\r\n".encode())
    assert (status, [one["id"] for one in json.loads(content)["data"]]) == (200, ["local"])
