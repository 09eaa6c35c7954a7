"""Asking a model over real HTTP, in every wire format, also where the server misbehaves."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from improvement.broker import exchange
from improvement.broker.client import Client
from improvement.broker.configuration import Dialect
from improvement.broker.cutting import Cut
from improvement.broker.redaction import REMOVED
from improvement.broker.wires.wire import Heard
from improvement.engine.model_calls import FinishReason, Message, ModelAnswer, ModelRequest, Speaker
from improvement.exceptions import Halted
from tests.model_server import KEY, Fault, ModelServer
from tests.waiting import wait_until

SAID = "def answer():\n    return 'größer 🎉'\n"
PLAIN = ModelRequest((Message(Speaker.USER, "Make it return more."),), "local", max_tokens=100)
WHOLE = ModelRequest(
    messages=(
        Message(Speaker.SYSTEM, "Answer with code."),
        Message(Speaker.USER, "Write it."),
        Message(Speaker.ASSISTANT, "x = 1"),
        Message(Speaker.USER, "Better."),
    ),
    model="local",
    max_tokens=1000,
    temperature=1.5,
    seed=7,
    stop=("END",),
)
Ask = Callable[..., ModelAnswer]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A server that always says the same."""
    with ModelServer(lambda prompt: SAID) as model:
        yield model


@pytest.fixture
def ask(server: ModelServer, tmp_path: Path) -> Ask:
    """Ask the server in some format; further arguments change the configuration."""

    def asking(
        request: ModelRequest = PLAIN,
        dialect: Dialect = Dialect.COMPATIBLE,
        key: str | None = KEY,
        secrets: tuple[str, ...] = (),
        **changes: Any,
    ) -> ModelAnswer:
        config = server.config(dialect, **changes)
        return Client(config, key, pace_file=tmp_path / "pace", secrets=secrets).answer(request)

    return asking


@pytest.mark.parametrize("dialect", Dialect)
def test_an_answer_is_text_tokens_and_cost(ask: Ask, dialect: Dialect) -> None:
    assert ask(WHOLE, dialect) == ModelAnswer(SAID, "local", 9, 5, 9 * 3 + 5 * 15, FinishReason.STOP)


def test_chat_completions_say_everything_that_was_asked(server: ModelServer, ask: Ask) -> None:
    ask(WHOLE, Dialect.COMPATIBLE)
    ask(PLAIN, Dialect.OPENAI, max_tokens=50)
    assert [asked.body for asked in server.asked] == [
        {
            "model": "tiny-1",
            "messages": [
                {"role": "system", "content": "Answer with code."},
                {"role": "user", "content": "Write it."},
                {"role": "assistant", "content": "x = 1"},
                {"role": "user", "content": "Better."},
            ],
            "max_tokens": 1000,
            "temperature": 1.5,
            "seed": 7,
            "stop": ["END"],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        {
            "model": "tiny-1",
            "messages": [{"role": "user", "content": "Make it return more."}],
            "max_completion_tokens": 50,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    ]


def test_messages_say_the_rules_apart_and_no_more_than_the_format_takes(server: ModelServer, ask: Ask) -> None:
    ask(WHOLE, Dialect.ANTHROPIC)
    assert server.asked[0].body == {
        "model": "tiny-1",
        "max_tokens": 1000,
        "system": "Answer with code.",
        "messages": [
            {"role": "user", "content": "Write it."},
            {"role": "assistant", "content": "x = 1"},
            {"role": "user", "content": "Better."},
        ],
        "temperature": 1.0,
        "stop_sequences": ["END"],
        "stream": True,
    }


def test_generate_content_names_the_model_in_its_path(server: ModelServer, ask: Ask) -> None:
    ask(WHOLE, Dialect.GEMINI, model="models/tiny-2")
    assert server.asked[0].path == "/v1beta/models/tiny-2:streamGenerateContent?alt=sse"
    assert server.asked[0].body == {
        "systemInstruction": {"parts": [{"text": "Answer with code."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Write it."}]},
            {"role": "model", "parts": [{"text": "x = 1"}]},
            {"role": "user", "parts": [{"text": "Better."}]},
        ],
        "generationConfig": {"maxOutputTokens": 1000, "temperature": 1.5, "seed": 7, "stopSequences": ["END"]},
    }


@pytest.mark.parametrize("fault", [Fault(429, retry_after="0"), Fault(500), Fault(529), Fault(503, retry_after="soon")])
def test_what_may_be_otherwise_soon_is_tried_again(server: ModelServer, ask: Ask, fault: Fault) -> None:
    server.faults.append(fault)
    answer = ask()
    assert (answer.text, answer.error, len(server.asked)) == (SAID, None, 2)


def test_a_server_that_is_always_busy_is_left_alone_after_five_tries(
    server: ModelServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange.patience, "FIRST_PAUSE", 0.001)
    server.faults.extend([Fault(503, says="too many people")] * 9)
    answer = ask()
    assert (len(server.asked), answer.finish_reason) == (5, FinishReason.FAILED)
    assert answer.error == "Its server answered 503: it is overloaded or broken. It says: too many people"


def test_a_server_that_asks_for_more_time_than_there_is_is_not_waited_for(server: ModelServer, ask: Ask) -> None:
    server.faults.append(Fault(429, retry_after="3600"))
    answer = ask(seconds=5)
    assert len(server.asked) == 1
    assert answer.error == "Its server answered 429. Another try would take more than its 5 seconds."


@pytest.mark.parametrize(
    ("status", "meaning"), [(400, "it takes no such request"), (404, "it has no such path or model")]
)
def test_what_stays_refused_is_asked_once(server: ModelServer, ask: Ask, status: int, meaning: str) -> None:
    server.faults.append(Fault(status, says="no such thing"))
    assert ask().error == f"Its server answered {status}: {meaning}. It says: no such thing"
    assert len(server.asked) == 1


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("cut", "The answer was cut off before its end."),
        ("broken", "The connection to its server broke off."),
        ("garbage", "an event of its stream cannot be read."),
        ("page", "Its server answered with text/html where a stream of events was asked for."),
        ("compressed", "Its server sent a compressed answer, which was not asked for."),
        ("complaint", "overloaded for now"),
    ],
)
def test_a_spoiled_stream_is_an_error_and_no_half_answer(
    server: ModelServer, ask: Ask, dialect: Dialect, how: str, error: str
) -> None:
    server.faults.append(Fault(stream=how, says="overloaded for now"))
    answer = ask(PLAIN, dialect)
    assert answer.error is not None
    assert (answer.error.endswith(error), answer.text, answer.finish_reason) == (True, "", FinishReason.FAILED), answer
    assert len(server.asked) == 1


@pytest.mark.parametrize("dialect", [Dialect.COMPATIBLE, Dialect.GEMINI])
def test_json_of_another_form_is_no_answer(server: ModelServer, ask: Ask, dialect: Dialect) -> None:
    server.faults.append(Fault(stream="shapeless"))
    error = ask(PLAIN, dialect).error
    assert error == f"Its server does not speak the {dialect.value} format: an event of its stream cannot be read."


def test_what_a_broken_answer_cost_is_counted(server: ModelServer, ask: Ask) -> None:
    server.faults.append(Fault(stream="broken"))
    answer = ask(PLAIN, Dialect.ANTHROPIC)
    assert answer.tokens_in == 4
    assert answer.cost_microusd == 4 * 3 + answer.tokens_out * 15
    assert answer.tokens_out >= 2


@pytest.mark.parametrize("how", ["silent", "dripping"])
def test_a_server_that_does_not_end_is_ended(server: ModelServer, ask: Ask, how: str) -> None:
    server.faults.append(Fault(stream=how))
    answer = ask(seconds=1)
    assert answer.error in {"There was no answer within 1 seconds.", "Its server was silent for too long."}


def test_an_endless_answer_is_cut_off(server: ModelServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", 1_000_000)
    server.faults.append(Fault(stream="endless"))
    assert ask().error == "The answer is larger than 1 MB; it was cut off."


def test_a_redirect_is_not_followed(server: ModelServer, ask: Ask) -> None:
    server.faults.append(Fault(302, location=f"{server.url()}/elsewhere"))
    assert ask().error == ("Its server answered 302, a redirect, which is not followed: configure the final address.")
    assert len(server.asked) == 1


@pytest.mark.parametrize("dialect", Dialect)
def test_no_key_stands_in_an_error(ask: Ask, dialect: Dialect) -> None:
    wrong = "sk-wrong-0123456789-0123456789"
    answer = ask(PLAIN, dialect, key=wrong, secrets=(KEY,))
    assert answer.error is not None
    assert answer.error.startswith("Its server answered 401: it does not take the key.")
    assert wrong not in answer.error
    assert KEY not in answer.error


def test_a_server_of_ones_own_needs_no_key(server: ModelServer, ask: Ask) -> None:
    ask(key=None)
    assert server.asked == []
    assert ask(key=KEY).text == SAID


@pytest.mark.parametrize("dialect", Dialect)
def test_no_key_stands_in_a_log(ask: Ask, caplog: pytest.LogCaptureFixture, dialect: Dialect) -> None:
    for name in (None, "httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, name)
    assert ask(PLAIN, dialect).text == SAID
    assert "POST" in caplog.text
    assert KEY not in caplog.text


def test_secrets_do_not_leave(server: ModelServer, ask: Ask) -> None:
    text = f"The key is {KEY}, the password hunter2-hunter2, the token ghp_{'a1' * 18}."
    request = ModelRequest((Message(Speaker.USER, text),), "local")
    ask(request, secrets=("hunter2-hunter2",))
    assert server.asked[0].prompt == f"The key is {REMOVED}, the password {REMOVED}, the token {REMOVED}."


def test_an_answer_that_repeats_the_key_comes_back_without_it(server: ModelServer, ask: Ask) -> None:
    server.answers = lambda prompt: f"Your key is {KEY}!"
    assert ask().text == f"Your key is {REMOVED}!"


def test_a_dead_server_is_named_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange.patience, "FIRST_PAUSE", 0.001)
    with ModelServer() as server:
        config = server.config()
    answer = Client(config, None, pace_file=tmp_path / "pace").answer(PLAIN)
    assert answer == ModelAnswer.failed("local", "Its server does not accept connections. Is it running?")


def test_an_address_of_this_machine_has_to_be_allowed(server: ModelServer, ask: Ask) -> None:
    error = ask(base_url=f"https://localhost:{server.port}/v1", private=False).error
    assert error is not None
    assert error.startswith("Its server is at an address of this machine or network.")


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "224.0.0.1", "[::ffff:169.254.169.254]"])
def test_addresses_that_no_model_has_are_never_reached(ask: Ask, host: str) -> None:
    error = ask(base_url=f"http://{host}/v1", private=True).error
    assert error == "Its server is at an address that no model may have: link-local, multicast or reserved."


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let two.example.org resolve to some addresses; everything else is resolved as ever."""
    real = socket.getaddrinfo

    def resolves_to(*addresses: str) -> None:
        found = [info for one in addresses for info in real(one, 0, type=socket.SOCK_STREAM)]
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *args, **more: found if host == "two.example.org" else real(host, *args, **more),
        )

    return resolves_to


def test_the_next_address_of_a_name_is_tried(ask: Ask, server: ModelServer, name_server: Callable[..., None]) -> None:
    name_server("::1", "127.0.0.1")
    answer = ask(base_url=f"http://two.example.org:{server.port}/v1")
    assert (answer.text, answer.error) == (SAID, None)
    assert server.asked[0].headers["Host"] == f"two.example.org:{server.port}"


def test_one_private_address_among_public_ones_is_enough_to_refuse(ask: Ask, name_server: Callable[..., None]) -> None:
    name_server("93.184.216.34", "10.0.0.1")
    error = ask(base_url="https://two.example.org/v1", private=False).error
    assert error is not None
    assert error.startswith("Its server is at an address of this machine or network.")


def test_counts_that_no_model_reaches_are_not_believed() -> None:
    heard = Heard()
    heard.count(10**12, -1)
    heard.count(True, "7")
    assert (heard.tokens_in, heard.tokens_out) == (None, None)


def test_the_environment_names_no_proxy(server: ModelServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask().text == SAID


@pytest.mark.parametrize("stream", ["silent", "dripping", ""])
def test_an_answer_is_cut_off_at_once(server: ModelServer, tmp_path: Path, stream: str) -> None:
    """In the middle of a stream, and before there is any; nothing is asked afterwards."""
    if stream:
        server.faults.append(Fault(stream=stream))
    else:
        server.answers = lambda prompt: str(server.closing.wait())
    cut = Cut()
    client = Client(server.config(seconds=600), KEY, pace_file=tmp_path / "pace", cut=cut)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.answer, PLAIN)
        wait_until(lambda: server.asked, seconds=30, what="the question has come in")
        cut.make()
        with pytest.raises(Halted):
            answer.result(timeout=10)
    with pytest.raises(Halted):
        client.answer(PLAIN)
    assert len(server.asked) == 1
