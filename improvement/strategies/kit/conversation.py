"""The conversation with the host: one JSON object a line in, one back."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol


class RefusalError(Exception):
    """The strategy cannot work on this task; the message says why and what to do, in one sentence."""


class Strategy(Protocol):
    """What a strategy can be asked once it stands."""

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return up to `count` proposals."""

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Learn from results, decisions and a champion that moved."""

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on, as text."""

    def restore(self, state: str) -> None:
        """Go on where a snapshot was taken."""


Create = Callable[[Mapping[str, Any], int, Any], Strategy]


def serve(create: Create, settings: type) -> None:
    """Answer messages until the input ends; what the strategy prints goes to the log, never into the answers.

    `create` makes a strategy from the task, the seed and an instance of the dataclass `settings`, whose fields are
    those of the package's [parameters].
    """
    package = tomllib.loads((Path(sys.argv[0]).parent / "strategy.toml").read_text(encoding="utf-8"))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    strategy: Strategy | None = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if message["type"] == "init":
                strategy = created(create, settings, message)
                answer = {"type": "ready", "name": package["name"], "version": package["version"]}
            else:
                answer = reply(strategy, message)
        except RefusalError as refusal:
            answer = {"type": "error", "message": str(refusal)}
        answers.write(json.dumps(answer, separators=(",", ":")) + "\n")
        answers.flush()


def created(create: Create, settings: type, message: Mapping[str, Any]) -> Strategy:
    """Return the strategy that an init message asks for, fresh or taken up where its state was left."""
    strategy = create(message["task"], message["seed"], settings(**message["parameters"]))
    if message["state"] is not None:
        strategy.restore(message["state"])
    return strategy


def reply(strategy: Strategy | None, message: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one message that is not init; raises RefusalError for a kind that it does not know."""
    kind = message["type"]
    if strategy is None:
        raise RefusalError("The first message must be init.")
    if kind == "ask":
        return {"type": "proposals", "proposals": strategy.ask(message["count"])}
    if kind == "tell":
        strategy.tell(message["results"], message["decisions"], message["champion"])
        return {"type": "ok"}
    if kind == "snapshot":
        return {"type": "state", "state": strategy.snapshot()}
    raise RefusalError(f"This strategy does not know messages of type {kind!r}.")
