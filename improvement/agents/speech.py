"""How agents speak to models: which paths there are, what of a request the host decides, and what an answer cost.

An agent's requests hold tools, pictures and whatever its maker added, so they are passed on as they are; the host puts
in the model, the limit of the answer and, where a stream would not tell it, the wish to be told the tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from improvement.broker.configuration import Dialect, ModelConfig
from improvement.broker.redaction import Redaction

Body = dict[str, Any]
_CHAT = frozenset({Dialect.OPENAI, Dialect.XAI, Dialect.COMPATIBLE})
_OUTPUT = ("output_tokens", "completion_tokens", "candidatesTokenCount")
_THOUGHT = ("thoughtsTokenCount",)
_INPUT = (
    *("input_tokens", "prompt_tokens", "promptTokenCount"),
    *("cache_creation_input_tokens", "cache_read_input_tokens"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """One path of a provider: who speaks it, where it leads below a model's address, what limits an answer there."""

    path: re.Pattern[str]
    dialects: frozenset[Dialect]
    leads_to: str
    limits: tuple[str, ...]


WAYS = (
    Way(re.compile(r"/v1/chat/completions"), _CHAT, "/chat/completions", ("max_completion_tokens", "max_tokens")),
    Way(re.compile(r"/v1/responses"), frozenset({Dialect.OPENAI, Dialect.XAI}), "/responses", ("max_output_tokens",)),
    Way(re.compile(r"/v1/messages"), frozenset({Dialect.ANTHROPIC}), "/messages", ("max_tokens",)),
    Way(
        re.compile(r"/v1(?:beta)?/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent)"),
        frozenset({Dialect.GEMINI}),
        "/models/{model}:{verb}",
        ("maxOutputTokens",),
    ),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes out: below the address of which model, and at most how many tokens it asks for."""

    config: ModelConfig
    path: str
    body: Body
    most_tokens: int


def way_of(path: str) -> tuple[Way, re.Match[str]] | None:
    """Return the way that a path names."""
    matched = ((way, way.path.fullmatch(path)) for way in WAYS)
    return next(((way, match) for way, match in matched if match), None)


def chosen(way: Way, wanted: object, configs: Sequence[ModelConfig]) -> ModelConfig | None:
    """Return the model that is meant, by its name here or at its server; else the first that speaks this way."""
    speaking = [config for config in configs if config.dialect in way.dialects]
    named = (config for config in speaking if wanted in (config.name, config.model))
    return next(named, speaking[0] if speaking else None)


def prepared(way: Way, match: re.Match[str], query: str, body: Body, config: ModelConfig) -> Request:
    """Put in what the host decides."""
    if config.dialect is Dialect.GEMINI:
        settings = body.get("generationConfig")
        limited, most = _limited(way, settings if isinstance(settings, dict) else {}, config)
        path = way.leads_to.format(model=config.model, verb=match["verb"]) + ("?alt=sse" if "alt=sse" in query else "")
        return Request(config, path, {**body, "generationConfig": limited}, most)
    limited, most = _limited(way, {**body, "model": config.model}, config)
    if way.leads_to == "/chat/completions" and limited.get("stream") is True:
        limited["stream_options"] = {"include_usage": True}
    return Request(config, way.leads_to, limited, most)


def _limited(way: Way, body: Body, config: ModelConfig) -> tuple[Body, int]:
    key = next((key for key in way.limits if key in body), way.limits[0])
    if key not in body and config.dialect is Dialect.COMPATIBLE:
        key = "max_tokens"
    stated = body.get(key)
    most = min(stated, config.max_tokens) if type(stated) is int and stated > 0 else config.max_tokens
    return {**body, key: most}, most


def without_secrets(value: Any, redaction: Redaction) -> Any:
    """Return plain JSON with every text in it redacted."""
    if isinstance(value, str):
        return redaction.text(value)
    if isinstance(value, list):
        return [without_secrets(one, redaction) for one in value]
    if isinstance(value, dict):
        return {key: without_secrets(one, redaction) for key, one in value.items()}
    return value


@dataclass
class Meter:
    """Counts what an answer took while it passes, in whole or as a stream of events; tokens are as the server says."""

    tokens_in: int = 0
    tokens_out: int = 0
    _content: bytearray = field(default_factory=bytearray)

    def take(self, chunk: bytes) -> None:
        """Keep a part of the answer."""
        self._content += chunk

    def finish(self, content_type: str) -> str:
        """Count, and return the whole answer as text."""
        text = self._content.decode("utf-8", "replace")
        values = _events(text) if content_type == "text/event-stream" else _whole(text)
        for usage in (found for value in values for found in _usages(value)):
            self.tokens_in = max(self.tokens_in, _sum(usage, _INPUT))
            self.tokens_out = max(self.tokens_out, _sum(usage, _OUTPUT) + _sum(usage, _THOUGHT))
        return text


def _events(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if line.startswith("data:"):
            yield from _whole(line[5:])


def _whole(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
    except (ValueError, RecursionError):
        return


def _usages(value: Any) -> Iterator[Mapping[str, Any]]:
    """Give the counts of tokens in an answer or an event, wherever the format has them."""
    if not isinstance(value, dict):
        return
    for place in (value, value.get("message"), value.get("response")):
        if isinstance(place, dict):
            usages = (place.get("usage"), place.get("usageMetadata"))
            yield from (usage for usage in usages if isinstance(usage, dict))


def _sum(usage: Mapping[str, Any], keys: Sequence[str]) -> int:
    return sum(count for key in keys if type(count := usage.get(key)) is int and count > 0)
