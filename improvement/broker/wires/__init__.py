"""The wire formats of models' servers: one module for each, and which of them a model speaks."""

from __future__ import annotations

from improvement.broker.configuration import Dialect
from improvement.broker.wires.anthropic import Anthropic
from improvement.broker.wires.gemini import Gemini
from improvement.broker.wires.openai import OpenAI
from improvement.broker.wires.wire import Wire

_WIRES: dict[Dialect, Wire] = {
    Dialect.OPENAI: OpenAI(limit_key="max_completion_tokens"),
    Dialect.XAI: OpenAI(limit_key="max_completion_tokens"),
    Dialect.COMPATIBLE: OpenAI(limit_key="max_tokens"),
    Dialect.ANTHROPIC: Anthropic(),
    Dialect.GEMINI: Gemini(),
}


def wire_of(dialect: Dialect) -> Wire:
    """Return how a dialect is spoken."""
    return _WIRES[dialect]
