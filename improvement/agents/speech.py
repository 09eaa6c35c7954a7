"""How agents speak to models: which paths there are, what of a request the host decides, and what an answer cost.

What may pass of an agent's request (``passage``) is passed on as it is; the host puts in the model, the limit of the
answer, the wish that nothing is kept and, where a stream would not tell it, the wish to be told the tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from improvement.agents import passage
from improvement.agents.passage import Body, Passage
from improvement.broker.configuration import Dialect, ModelConfig
from improvement.broker.redaction import Redaction

_CHAT = frozenset({Dialect.OPENAI, Dialect.XAI, Dialect.COMPATIBLE})
_OUTPUT = ("output_tokens", "completion_tokens", "candidatesTokenCount")
_THOUGHT = ("thoughtsTokenCount",)
_INPUT = (
    *("input_tokens", "prompt_tokens", "promptTokenCount"),
    *("cache_creation_input_tokens", "cache_read_input_tokens"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """One path of a provider: who speaks it, where it leads below a model's address, what limits it, what passes.

    Of ``limits`` one is sent: the first, or the last to a compatible server.
    """

    path: re.Pattern[str]
    dialects: frozenset[Dialect]
    leads_to: str
    limits: tuple[str, ...]
    passage: Passage


WAYS = (
    Way(
        re.compile(r"/v1/chat/completions"),
        _CHAT,
        "/chat/completions",
        ("max_completion_tokens", "max_tokens"),
        passage.CHAT,
    ),
    Way(
        re.compile(r"/v1/responses"),
        frozenset({Dialect.OPENAI, Dialect.XAI}),
        "/responses",
        ("max_output_tokens",),
        passage.RESPONSES,
    ),
    Way(re.compile(r"/v1/messages"), frozenset({Dialect.ANTHROPIC}), "/messages", ("max_tokens",), passage.MESSAGES),
    Way(
        re.compile(r"/v1(?:beta)?/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent)"),
        frozenset({Dialect.GEMINI}),
        "/models/{model}:{verb}",
        ("maxOutputTokens",),
        passage.GEMINI,
    ),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes out: below the address of which model, and at most how many tokens it asks for.

    ``wanted`` is the model that the agent named.
    """

    config: ModelConfig
    wanted: str
    path: str
    content: bytes
    most_tokens: int


def way_of(path: str) -> tuple[Way, re.Match[str]] | None:
    """Return the way that a path names."""
    matched = ((way, way.path.fullmatch(path)) for way in WAYS)
    return next(((way, match) for way, match in matched if match), None)


def wanted(match: re.Match[str], body: Body) -> object:
    """Return what a request names as its model, in its path or its body; that may be anything."""
    return match.groupdict().get("model") or body.get("model")


def chosen(way: Way, named: object, configs: Sequence[ModelConfig]) -> ModelConfig | None:
    """Return the model that is meant, by its name here or at its server; else the first that speaks this way."""
    speaking = [config for config in configs if config.dialect in way.dialects]
    meant = (config for config in speaking if named in (config.name, config.model))
    return next(meant, speaking[0] if speaking else None)


def prepared(way: Way, match: re.Match[str], query: str, body: Body, config: ModelConfig) -> Request:
    """Take what may pass, and put in what the host decides; raises Invalid for what may not pass."""
    named = str(wanted(match, body))[:80]
    if config.dialect is Dialect.GEMINI:
        passing = way.passage.through(passage.spelled(body))
        limited, most = _limited(way, passing.get("generationConfig", {}), config)
        path = way.leads_to.format(model=config.model, verb=match["verb"]) + ("?alt=sse" if "alt=sse" in query else "")
        return Request(config, named, path, _written({**passing, "generationConfig": limited}), most)
    limited, most = _limited(way, {**way.passage.through(body), "model": config.model}, config)
    return Request(config, named, way.leads_to, _written(limited | _host_decides(way, limited)), most)


def _host_decides(way: Way, body: Body) -> Body:
    if way.leads_to == "/responses":
        return {"store": False}
    if way.leads_to == "/chat/completions" and body.get("stream") is True:
        return {"stream_options": {"include_usage": True}}
    return {}


def _limited(way: Way, body: Body, config: ModelConfig) -> tuple[Body, int]:
    """Put in the one limit that is sent, and return the body with it."""
    stated = next((body[key] for key in way.limits if key in body), None)
    most = min(stated, config.max_tokens) if type(stated) is int and stated > 0 else config.max_tokens
    key = way.limits[-1] if config.dialect is Dialect.COMPATIBLE else way.limits[0]
    return {**{name: value for name, value in body.items() if name not in way.limits}, key: most}, most


def _written(body: Body) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def without_secrets(value: Any, redaction: Redaction) -> Any:
    """Return plain JSON with every text in it redacted."""
    if isinstance(value, str):
        return redaction.text(value)
    if isinstance(value, list):
        return [without_secrets(one, redaction) for one in value]
    if isinstance(value, dict):
        return {redaction.text(key): without_secrets(one, redaction) for key, one in value.items()}
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
