"""Anthropic's messages."""

from __future__ import annotations

from typing import Any

from improvement.broker.configuration import ModelConfig
from improvement.broker.wires.wire import Event, Heard, problem_in
from improvement.engine.model_calls import FinishReason, ModelRequest, Speaker

VERSION = "2023-06-01"
_ENDS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "refusal": FinishReason.REFUSED,
}


class Anthropic:
    """The messages format: the rules stand apart from the conversation, and seeds are not taken."""

    def path(self, config: ModelConfig) -> str:
        """Return the path of messages."""
        return "/messages"

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the key and the version of the format."""
        return {"anthropic-version": VERSION, **({"x-api-key": key} if key else {})}

    def body(self, request: ModelRequest, config: ModelConfig) -> dict[str, Any]:
        """Return the body that asks for a stream."""
        system = "\n\n".join(one.text for one in request.messages if one.role is Speaker.SYSTEM)
        optional = {
            "system": system or None,
            "temperature": None if request.temperature is None else min(request.temperature, 1.0),
            "stop_sequences": [one for one in request.stop if one.strip()] or None,
        }
        return {
            "model": config.model,
            "max_tokens": min(request.max_tokens, config.max_tokens),
            "messages": [
                {"role": one.role.value, "content": one.text}
                for one in request.messages
                if one.role is not Speaker.SYSTEM
            ],
            "stream": True,
            **{key: value for key, value in optional.items() if value is not None},
        }

    def hear(self, event: Event, heard: Heard) -> None:
        """Add one event; pings and what a model thought add nothing."""
        kind = event["type"]
        if kind == "error":
            heard.error = problem_in(event) or "an error without words"
        elif kind == "message_start":
            _count(event["message"].get("usage") or {}, heard)
        elif kind == "content_block_delta" and event["delta"]["type"] == "text_delta":
            heard.say(event["delta"]["text"])
        elif kind == "message_delta":
            _count(event.get("usage") or {}, heard)
            reason = event["delta"].get("stop_reason")
            if reason:
                heard.finish = _ENDS.get(reason, FinishReason.OTHER)


def _count(usage: Event, heard: Heard) -> None:
    """Take over the running counts; what was read from or written to a cache was asked, too."""
    asked = [usage.get(f"{kind}input_tokens") for kind in ("", "cache_creation_", "cache_read_")]
    heard.count(sum(filter(None, asked)) if asked[0] is not None else None, usage.get("output_tokens"))
