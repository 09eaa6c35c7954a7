"""The server's side of each wire format: what it requires of a request, and what it answers with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

PIECE = 5


class Refused(Exception):
    """A request that the real server would refuse, with its status."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Format(Protocol):
    """One wire format, seen from the server."""

    path: re.Pattern[str]

    def read(self, content: bytes, headers: dict[str, str], path: str, *, key: str | None) -> dict[str, Any]:
        """Return the body, or raise ``Refused``."""

    def prompt(self, body: dict[str, Any]) -> str:
        """Return all messages as one text."""

    def is_streamed(self, body: dict[str, Any], path: str) -> bool:
        """Tell whether a stream is asked for."""

    def events(self, prompt: str, answer: str) -> Iterator[str]:
        """Give the events of a streamed answer as they stand in the stream."""

    def whole(self, prompt: str, answer: str) -> dict[str, Any]:
        """Return the answer in one piece."""


class _Chat:
    path = re.compile(r"/v1/chat/completions")

    def read(self, content: bytes, headers: dict[str, str], path: str, *, key: str | None) -> dict[str, Any]:
        _check_key(headers.get("Authorization"), f"Bearer {key}", key)
        body = _body(content, "model", "messages")
        _require(body["messages"] and all(set(one) == {"role", "content"} for one in body["messages"]), "messages")
        return body

    def prompt(self, body: dict[str, Any]) -> str:
        return "\n\n".join(one["content"] for one in body["messages"])

    def is_streamed(self, body: dict[str, Any], path: str) -> bool:
        return body.get("stream") is True

    def events(self, prompt: str, answer: str) -> Iterator[str]:
        yield _data({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
        for piece in _pieces(answer):
            yield _data({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
        yield _data({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield _data({"choices": [], "usage": self._usage(prompt, answer)})
        yield "data: [DONE]\n\n"

    def whole(self, prompt: str, answer: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"object": "chat.completion", "choices": [choice], "usage": self._usage(prompt, answer)}

    def _usage(self, prompt: str, answer: str) -> dict[str, int]:
        asked, answered = _tokens(prompt), _tokens(answer)
        return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


class _Messages:
    path = re.compile(r"/v1/messages")

    def read(self, content: bytes, headers: dict[str, str], path: str, *, key: str | None) -> dict[str, Any]:
        _check_key(headers.get("x-api-key"), key, key)
        _require(headers.get("anthropic-version") == "2023-06-01", "the header anthropic-version")
        body = _body(content, "model", "messages", "max_tokens")
        _require(body["messages"] and body["messages"][0]["role"] == "user", "a first message of the user")
        _require(all(one["role"] in {"user", "assistant"} for one in body["messages"]), "roles")
        _require(0 <= body.get("temperature", 0) <= 1, "a temperature up to 1")
        return body

    def prompt(self, body: dict[str, Any]) -> str:
        rules = [body["system"]] if body.get("system") else []
        return "\n\n".join([*rules, *(one["content"] for one in body["messages"])])

    def is_streamed(self, body: dict[str, Any], path: str) -> bool:
        return body.get("stream") is True

    def events(self, prompt: str, answer: str) -> Iterator[str]:
        usage = {"input_tokens": _tokens(prompt), "output_tokens": 1}
        yield _named({"type": "message_start", "message": {"role": "assistant", "content": [], "usage": usage}})
        yield _named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        yield _named({"type": "ping"})
        for piece in _pieces(answer):
            delta = {"type": "text_delta", "text": piece}
            yield _named({"type": "content_block_delta", "index": 0, "delta": delta})
        yield _named({"type": "content_block_stop", "index": 0})
        end, used = {"stop_reason": "end_turn", "stop_sequence": None}, {"output_tokens": _tokens(answer)}
        yield _named({"type": "message_delta", "delta": end, "usage": used})
        yield _named({"type": "message_stop"})

    def whole(self, prompt: str, answer: str) -> dict[str, Any]:
        return {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": answer}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": _tokens(prompt), "output_tokens": _tokens(answer)},
        }


class _Generate:
    path = re.compile(r"/v1beta/models/[^/:]+:(?:streamGenerateContent|generateContent)")

    def read(self, content: bytes, headers: dict[str, str], path: str, *, key: str | None) -> dict[str, Any]:
        _check_key(headers.get("x-goog-api-key"), key, key)
        body = _body(content, "contents")
        _require(body["contents"] and all(one["role"] in {"user", "model"} for one in body["contents"]), "contents")
        return body

    def prompt(self, body: dict[str, Any]) -> str:
        said = [*([body["systemInstruction"]] if "systemInstruction" in body else []), *body["contents"]]
        return "\n\n".join(part["text"] for one in said for part in one["parts"])

    def is_streamed(self, body: dict[str, Any], path: str) -> bool:
        return path.endswith(":streamGenerateContent?alt=sse")

    def events(self, prompt: str, answer: str) -> Iterator[str]:
        yield _data({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}]}}]})
        for piece in _pieces(answer):
            yield _data({"candidates": [{"content": {"role": "model", "parts": [{"text": piece}]}, "index": 0}]})
        yield _data(self.whole(prompt, ""))
        yield _data({"usageMetadata": self._usage(prompt, answer)})

    def whole(self, prompt: str, answer: str) -> dict[str, Any]:
        said = {"role": "model", "parts": [{"text": answer}]}
        return {
            "candidates": [{"content": said, "finishReason": "STOP", "index": 0}],
            "usageMetadata": self._usage(prompt, answer),
        }

    def _usage(self, prompt: str, answer: str) -> dict[str, int]:
        """One word of the answer was thought and not said; both are charged."""
        return {
            "promptTokenCount": _tokens(prompt),
            "candidatesTokenCount": max(0, _tokens(answer) - 1),
            "thoughtsTokenCount": min(1, _tokens(answer)),
        }


FORMATS: tuple[Format, ...] = (_Chat(), _Messages(), _Generate())


def _check_key(given: str | None, expected: str | None, key: str | None) -> None:
    if key is not None and given != expected:
        raise Refused(401, f"Incorrect API key provided: {given}. It is not {key}.")


def _body(content: bytes, *required: str) -> dict[str, Any]:
    body = json.loads(content)
    for name in required:
        _require(name in body, name)
    assert isinstance(body, dict)
    return body


def _require(there: object, what: str) -> None:
    if not there:
        raise Refused(400, f"This format requires {what}.")


def _pieces(text: str) -> list[str]:
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


def _tokens(text: str) -> int:
    return len(text.split())


def _data(event: object) -> str:
    return f"data: {json.dumps(event)}\n\n"


def _named(event: dict[str, Any]) -> str:
    return f"event: {event['type']}\n{_data(event)}"
