"""An agent asks models at an address of its own, with a dummy key; the host puts in model and key, and counts."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from improvement.agents.endpoint import AT_ONCE, Endpoint, Reachable
from improvement.agents.transcript import Attempts
from improvement.broker.configuration import Dialect, ModelConfig
from improvement.engine.model_calls import ModelAnswer, ModelRequest
from improvement.exceptions import Invalid
from tests.model_server import KEY, Fault, ModelServer
from tests.waiting import wait_until

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
    return sent(at, asking(at, path, body, headers))


def asking(at: Endpoint, path: str, body: object, headers: dict[str, str] | None = None) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Authorization": f"Bearer {at.key}", "Content-Length": str(len(content)), "Connection": "close"}
    stated = [f"{key}: {value}" for key, value in (given | (headers or {})).items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: a", *stated, "", ""]).encode() + content


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
    tool = {"type": "function", "function": {"name": "f", "parameters": {secret: 1}}}
    message = {"role": "user", "content": f"{KEY} {secret}"}
    post(at, "/v1/chat/completions", {**CHAT, "messages": [message], "tools": [tool]})
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
        ("/v1beta/models/some:generateContent", [1], 400),
        ("/v1/chat/completions", {**CHAT, "messages": "\ud800"}, 400),
        ("/v1/chat/completions", {**CHAT, "web_search_options": {}}, 400),
        ("/v1/chat/completions", b"[" + b"{}," * 150_000 + b"{}]", 400),
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


def test_a_list_is_refused_in_one_clear_line(server: ModelServer, tmp_path: Path) -> None:
    at = endpoint(server, tmp_path, Dialect.GEMINI, Book())
    status, content = post(at, "/v1beta/models/some:generateContent", [1])
    assert (status, json.loads(content)["error"]["message"]) == (400, "The body has to be a JSON object.")


def test_a_body_of_very_many_values_is_refused_before_it_is_read(server: ModelServer, tmp_path: Path) -> None:
    at = endpoint(server, tmp_path, Dialect.OPENAI, Book())
    status, content = post(at, "/v1/chat/completions", b"[" + b"{}," * 150_000 + b"{}]")
    assert (status, "200,000 values at most" in content) == (400, True)


def test_only_known_betas_are_asked_for(server: ModelServer, tmp_path: Path) -> None:
    at = endpoint(server, tmp_path, Dialect.ANTHROPIC, Book())
    wished = "mcp-client-2025-04-04, interleaved-thinking-2025-05-14,context-1m-2025-08-07"
    post(at, "/v1/messages", MESSAGES, {"anthropic-beta": wished})
    post(at, "/v1/messages", MESSAGES, {"anthropic-beta": "files-api-2025-04-14"})
    asked = [{name.lower(): value for name, value in one.headers.items()} for one in server.asked]
    assert [one.get("anthropic-beta") for one in asked] == ["interleaved-thinking-2025-05-14", None]


def test_what_a_server_says_in_an_error_is_told_in_our_own_form_without_secrets(
    server: ModelServer, tmp_path: Path
) -> None:
    at = endpoint(server, tmp_path, Dialect.OPENAI, Book())
    server.faults += [Fault(400, says=f"too long, {KEY}"), Fault(401, says="wrong key"), Fault(307, location="/x")]
    answers = [post(at, "/v1/chat/completions", CHAT) for _ in range(3)]
    said = [(status, json.loads(content)["error"]["message"]) for status, content in answers]
    assert said == [
        (400, "Its server answered 400. too long, [secret removed]"),
        (401, "Its server answered 401."),
        (502, "Its server answered 307."),
    ]


def test_an_answer_whose_tokens_were_not_told_costs_the_most_that_was_reserved(
    server: ModelServer, tmp_path: Path
) -> None:
    book = Book()
    server.faults.append(Fault(stream="broken"))
    post(endpoint(server, tmp_path, Dialect.OPENAI, book), "/v1/chat/completions", {**CHAT, "stream": True})
    most_in = -(-len(book.asked[0].messages[0].text) // 2)
    answer = book.answers[0]
    assert (answer.tokens_in, answer.tokens_out) == (most_in, book.asked[0].max_tokens)
    assert answer.cost_microusd == most_in * 3 + book.asked[0].max_tokens * 15


def test_hanging_up_early_costs_the_most_that_was_reserved(server: ModelServer, tmp_path: Path) -> None:
    book = Book()
    server.faults.append(Fault(stream="endless"))
    at = endpoint(server, tmp_path, Dialect.OPENAI, book)
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=at.serve, args=(theirs,))
    serving.start()
    ours.sendall(asking(at, "/v1/chat/completions", {**CHAT, "stream": True}))
    ours.recv(10)
    ours.close()
    serving.join()
    theirs.close()
    assert (book.answers[0].tokens_out, book.answers[0].error) == (
        book.asked[0].max_tokens,
        "The agent did not take the answer to its end.",
    )


def test_an_answer_that_did_not_come_in_time_may_have_cost_the_most(tmp_path: Path) -> None:
    book, go_on = Book(), threading.Event()

    def silent(prompt: str) -> str:
        go_on.wait()
        return ""

    with ModelServer(silent) as server:
        at = endpoint(server, tmp_path, Dialect.OPENAI, book, seconds=1)
        status, _ = post(at, "/v1/chat/completions", CHAT)
        go_on.set()
    assert (status, book.answers[0].tokens_out) == (502, book.asked[0].max_tokens)


def test_a_server_that_cannot_be_reached_costs_nothing(tmp_path: Path) -> None:
    book = Book()
    with ModelServer() as gone:
        config = gone.config(Dialect.OPENAI, seconds=2)
    at = Endpoint([Reachable(config, KEY, tmp_path / "pace")], book, Attempts())
    assert post(at, "/v1/chat/completions", CHAT)[0] == 502
    assert (book.answers[0].tokens_in, book.answers[0].tokens_out) == (0, 0)


def test_a_few_requests_are_under_way_at_a_time_and_a_further_one_is_refused(tmp_path: Path) -> None:
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def slow(prompt: str) -> str:
        begun.release()
        go_on.wait()
        return "done"

    statuses: list[int] = []
    with ModelServer(slow) as server:
        model = Reachable(server.config(Dialect.OPENAI), KEY, tmp_path / "pace")
        at = Endpoint([model], Book(), Attempts(), wait_seconds=0.05)

        def ask() -> None:
            statuses.append(post(at, "/v1/chat/completions", CHAT)[0])

        asking_them = [threading.Thread(target=ask) for _ in range(AT_ONCE)]
        for one in asking_them:
            one.start()
        for _ in asking_them:
            begun.acquire()
        refused = post(at, "/v1/chat/completions", CHAT)[0]
        go_on.set()
        for one in asking_them:
            one.join()
        later = post(at, "/v1/chat/completions", CHAT)[0]
    assert (refused, statuses, later) == (429, [200] * AT_ONCE, 200)


def test_the_models_are_listed(server: ModelServer, tmp_path: Path) -> None:
    at = endpoint(server, tmp_path, Dialect.OPENAI, Book())
    status, content = sent(at, f"GET /v1/models HTTP/1.1\r\nHost: a\r\nx-api-key: {at.key}\r\n\r\n".encode())
    assert (status, [one["id"] for one in json.loads(content)["data"]]) == (200, ["local"])


def test_what_is_under_way_is_cut_off_when_the_agent_ended_and_costs_the_most(
    server: ModelServer, tmp_path: Path
) -> None:
    book = Book()
    at = endpoint(server, tmp_path, Dialect.COMPATIBLE, book, seconds=600)
    server.answers = lambda prompt: str(server.closing.wait())
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(sent, at, asking(at, "/v1/chat/completions", CHAT))
        wait_until(lambda: server.asked, seconds=30, what="the request has come in")
        at.cut.make()
        with pytest.raises(IndexError):  # the connection is closed without an answer
            answer.result(timeout=10)
    (kept,) = book.answers
    assert (kept.error, kept.tokens_out) == ("The agent had ended.", book.asked[0].max_tokens)
