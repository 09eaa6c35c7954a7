"""The conversation with the host: one JSON object a line in, one back."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Protocol


class RefusalError(Exception):
    """The strategy cannot work on this task; the message says why and what to do, in one sentence."""


Asked = list[dict[str, Any]] | Generator[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]
"""Proposals, or a generator that returns them, and before that yields what it needs and is sent the answers.

`{"type": "commands", "commands": [...]}` has programs edit working copies, `{"type": "models", "requests": [...]}` puts
questions to language models.
"""


class Strategy(Protocol):
    """What a strategy can be asked once it stands."""

    def ask(self, count: int) -> Asked:
        """Return up to `count` proposals; a generator may have the host do something on the way."""

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
    conversation = Conversation(create, settings, {"name": package["name"], "version": package["version"]})
    for line in sys.stdin:
        try:
            answer = conversation.reply(json.loads(line))
        except RefusalError as refusal:
            answer = {"type": "error", "message": str(refusal)}
        answers.write(json.dumps(answer, separators=(",", ":")) + "\n")
        answers.flush()


class Conversation:
    """One conversation: the strategy once it stands, and the ask that waits for what it needs, if one does."""

    def __init__(self, create: Create, settings: type, package: Mapping[str, str]) -> None:
        self.create = create
        self.settings = settings
        self.package = package
        self.strategy: Strategy | None = None
        self.asking: Generator[dict, list[dict], list[dict]] | None = None

    def reply(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to one message; raises RefusalError for one that does not fit here."""
        kind = message["type"]
        if kind == "init":
            self.begin(message)
            return {"type": "ready", **self.package}
        if self.strategy is None:
            raise RefusalError("The first message must be init.")
        if kind == "ask":
            return self.asked(self.strategy.ask(message["count"]))
        if "answers" in message and self.asking is not None:
            return self.go_on(message["answers"])
        if kind == "tell":
            self.tell(message)
            return {"type": "ok"}
        if kind == "snapshot":
            return {"type": "state", "state": self.strategy.snapshot()}
        raise RefusalError(f"This strategy does not know messages of type {kind!r}.")

    def tell(self, message: Mapping[str, Any]) -> None:
        """Let the strategy learn; of what others proposed first, if it wants to know."""
        meet = getattr(self.strategy, "meet", None)
        if meet is not None and message.get("foreign"):
            meet(message["foreign"])
        self.strategy.tell(message["results"], message["decisions"], message["champion"])

    def begin(self, message: Mapping[str, Any]) -> None:
        """Make the strategy that an init message asks for, fresh or taken up where its state was left."""
        self.strategy = self.create(message["task"], message["seed"], self.settings(**message["parameters"]))
        if message["state"] is not None:
            self.strategy.restore(message["state"])

    def asked(self, asked: Asked) -> dict[str, Any]:
        """Answer an ask, at once or by saying what it needs."""
        if isinstance(asked, list):
            return {"type": "proposals", "proposals": asked}
        self.asking = asked
        return self.go_on(None)

    def go_on(self, answers: list[dict] | None) -> dict[str, Any]:
        """Let an ask go on with what it was sent (None: from its beginning)."""
        assert self.asking is not None
        try:
            return self.asking.send(answers)
        except StopIteration as end:
            self.asking = None
            return {"type": "proposals", "proposals": end.value}
