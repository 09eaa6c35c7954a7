"""What every wire format has to say of itself, and what is heard of an answer while it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from improvement.broker.configuration import ModelConfig
from improvement.engine.model_calls import FinishReason, ModelRequest

Event = Mapping[str, Any]
MOST_TOKENS = 100_000_000  # no model reads or writes more; a server that says so is not believed


@dataclass
class Heard:
    """An answer as far as it has come in; without ``finish`` it has not ended. Tokens are as the server counts them."""

    pieces: list[str] = field(default_factory=list)
    tokens_in: int | None = None
    tokens_out: int | None = None
    finish: FinishReason | None = None
    error: str | None = None

    def say(self, text: object) -> None:
        """Add a piece of the answer; raises TypeError for what is no text."""
        if not isinstance(text, str):
            raise TypeError(type(text))
        self.pieces.append(text)

    def count(self, tokens_in: object, tokens_out: object) -> None:
        """Take over what the server says of tokens, as far as it says anything that can be one."""
        if type(tokens_in) is int and 0 <= tokens_in <= MOST_TOKENS:
            self.tokens_in = tokens_in
        if type(tokens_out) is int and 0 <= tokens_out <= MOST_TOKENS:
            self.tokens_out = tokens_out


class Wire(Protocol):
    """One wire format, over server-sent events."""

    def path(self, config: ModelConfig) -> str:
        """Return the path below the model's address, with a query where the format needs one."""

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers that hold the key."""

    def body(self, request: ModelRequest, config: ModelConfig) -> dict[str, Any]:
        """Return the JSON body that asks for a streamed answer."""

    def hear(self, event: Event, heard: Heard) -> None:
        """Add one event to what was heard; an event of another shape raises KeyError, TypeError or AttributeError."""


def problem_in(event: object) -> str:
    """Return the server's own words for what went wrong, from any of the shapes in use; empty when there are none."""
    if isinstance(event, list) and event:
        event = event[0]
    stated = event.get("error", event.get("detail", event.get("message"))) if isinstance(event, Mapping) else None
    if isinstance(stated, Mapping):
        stated = stated.get("message")
    return stated if isinstance(stated, str) else ""
