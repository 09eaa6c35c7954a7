"""One question to a language model and its answer, as strategies ask it and as the record keeps it.

A strategy names a model by the name that an administrator gave it; what stands behind that name (an address, a key) is
no business of a strategy. The JSON forms are what crosses the sandbox's border, so they are read strictly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from improvement.engine.digests import digest
from improvement.exceptions import StrategyError

MAX_MESSAGES = 256
MAX_PROMPT_BYTES = 2_000_000
MAX_ANSWER_TOKENS = 200_000
MAX_STOPS = 4
MAX_STOP_LENGTH = 200
MAX_NAME = 80
BYTES_PER_TOKEN = 2
"""Fewer than there are on average, so that what is set aside for a question is rather too much than too little."""

Json = dict[str, Any]


class Speaker(StrEnum):
    """Who says a message: the rules, the one who asks, or the model in an earlier answer."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    REFUSED = "refused"
    OTHER = "other"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation; ``role`` is system, user or assistant."""

    role: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A whole conversation that a model is to go on with.

    ``model`` is the configured name. ``max_tokens`` limits the answer; the model's own limit holds besides. Without a
    ``temperature`` the model's default holds, which some models insist on; a ``seed`` goes to those that take one.
    """

    messages: tuple[Message, ...]
    model: str
    max_tokens: int = 4096
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The SHA-256 (hex) of the JSON form: equal questions have equal digests."""
        return digest(self.as_json())

    @property
    def most_tokens_in(self) -> int:
        """The most tokens that its messages are taken to have."""
        return sum(-(-len(message.text.encode()) // BYTES_PER_TOKEN) for message in self.messages)

    def as_json(self) -> Json:
        """Give the request as the protocol spells it."""
        return {
            "messages": [{"role": message.role.value, "text": message.text} for message in self.messages],
            "model": self.model,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "stop": list(self.stop),
        }

    @classmethod
    def from_json(cls, value: object) -> ModelRequest:
        """Read a request of a strategy; only ``messages`` and ``model`` must be there. Raises StrategyError."""
        if not isinstance(value, dict):
            raise StrategyError("A question to a model must be an object with messages and model.")
        _refuse_unknown(value, cls.__slots__)
        return cls(
            messages=_messages(value.get("messages")),
            model=_model_name(value.get("model")),
            max_tokens=_whole(value.get("max_tokens", 4096), "max_tokens", 1, MAX_ANSWER_TOKENS),
            temperature=_temperature(value.get("temperature")),
            seed=None if value.get("seed") is None else _whole(value["seed"], "seed", 0, 2**31 - 1),
            stop=_stops(value.get("stop", [])),
        )


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What came of a request. With an ``error`` (one sentence) there is no text, but there may have been a cost.

    ``cost_microusd`` is in millionths of a US dollar, rounded up.
    """

    text: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost_microusd: int = 0
    finish_reason: FinishReason = FinishReason.STOP
    error: str | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 (hex) of the JSON form."""
        return digest(self.as_json())

    def as_json(self) -> Json:
        """Give the answer as the protocol spells it."""
        return {
            "text": self.text,
            "model": self.model,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "cost_microusd": self.cost_microusd,
            "finish_reason": self.finish_reason.value,
            "error": self.error,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ModelAnswer:
        """Read back what ``as_json`` gave, from the host's own record."""
        return cls(**{**value, "finish_reason": FinishReason(value["finish_reason"])})

    @classmethod
    def failed(cls, model: str, error: str) -> ModelAnswer:
        """Return the answer that says that there is none, and why."""
        return cls(text="", model=model, finish_reason=FinishReason.FAILED, error=error)


def _refuse_unknown(value: Mapping[Any, Any], known: tuple[str, ...]) -> None:
    unknown = [key for key in value if key not in known]
    if unknown:
        raise StrategyError(f"A question to a model has no {str(unknown[0])[:40]!r}: it has {', '.join(known)}.")


def _messages(value: object) -> tuple[Message, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_MESSAGES:
        raise StrategyError(f"A question to a model needs from 1 to {MAX_MESSAGES} messages.")
    messages = tuple(_message(one, number) for number, one in enumerate(value))
    if all(message.role is Speaker.SYSTEM for message in messages):
        raise StrategyError("A question to a model needs a message of the user, beside those of the system.")
    if sum(len(message.text.encode()) for message in messages) > MAX_PROMPT_BYTES:
        raise StrategyError(f"A question to a model may have {MAX_PROMPT_BYTES // 1_000_000} MB of text at most.")
    return messages


def _message(value: object, number: int) -> Message:
    if not isinstance(value, dict) or value.keys() != {"role", "text"}:
        raise StrategyError(f"Message {number} of a question must be an object with role and text, and nothing else.")
    if value["role"] not in [speaker.value for speaker in Speaker]:
        raise StrategyError(f"Message {number} of a question: the role is system, user or assistant.")
    if not isinstance(value["text"], str) or not value["text"].strip() or not _is_whole_text(value["text"]):
        raise StrategyError(f"Message {number} of a question holds no text, or half a character.")
    return Message(Speaker(value["role"]), value["text"])


def _is_whole_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _model_name(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_NAME or not value.isprintable():
        raise StrategyError(f"A question must name its model: printable text of at most {MAX_NAME} characters.")
    return value


def _whole(value: object, key: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise StrategyError(f"A question to a model: {key} is a whole number from {low} to {high}.")
    return value


def _temperature(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 2:
        raise StrategyError("A question to a model: temperature is a number from 0 to 2, or null.")
    return float(value)


def _stops(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_STOPS:
        raise StrategyError(f"A question to a model: stop is a list of at most {MAX_STOPS} texts.")
    if not all(isinstance(one, str) and 0 < len(one) <= MAX_STOP_LENGTH and _is_whole_text(one) for one in value):
        raise StrategyError(f"A question to a model: each stop is text of 1 to {MAX_STOP_LENGTH} characters.")
    return tuple(value)
