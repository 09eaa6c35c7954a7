"""What a strategy has a program do before it proposes: the JSON forms of a command and of what came of it.

The host runs each program in a sandbox of its own, on a working copy, and records what it left before the strategy
hears of it; so a strategy that is rebuilt from the record hears the same, and no program runs twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

from improvement.engine.digests import digest
from improvement.exceptions import StrategyError

MAX_COMMANDS = 16
MAX_ARGUMENTS = 64
MAX_ARGUMENT = 4_000
MAX_FILES = 64
MAX_BYTES = 1_000_000
MAX_SECONDS = 3_600
MAX_LOG = 4_000

Json = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """One program to run: on these editable files (path to text), with this task, for at most so many seconds."""

    argv: tuple[str, ...]
    files: Mapping[str, str]
    task: str
    seconds: int

    @property
    def digest(self) -> str:
        """The SHA-256 (hex) of the JSON form."""
        return digest(asdict(self))

    @classmethod
    def from_json(cls, value: object) -> Command:
        """Read what a strategy asks for; raises StrategyError."""
        if not isinstance(value, dict) or value.keys() != {"argv", "files", "task", "seconds"}:
            raise StrategyError("A command must be an object with argv, files, task and seconds, and nothing else.")
        seconds = value["seconds"]
        if type(seconds) is not int or not 1 <= seconds <= MAX_SECONDS:
            raise StrategyError(f"A command: seconds is a whole number from 1 to {MAX_SECONDS}.")
        return cls(_argv(value["argv"]), _files(value["files"]), _text(value["task"], MAX_BYTES), seconds)


@dataclass(frozen=True)
class Done:
    """What came of a command.

    ``files`` are those that it changed or made and that count (path to text), ``left_out`` names what else it left.
    ``how`` is exit (with ``status``), signal, timeout, not_started or what the sandbox ended it for, ``why`` half a
    sentence about that. ``log`` is the end of what it printed, ``transcript`` the digest of everything that is kept.
    """

    how: str
    status: int
    why: str
    files: Mapping[str, str]
    left_out: tuple[str, ...]
    log: str
    seconds: float
    transcript: str

    def as_json(self) -> Json:
        """Give it as plain JSON, for the strategy and for the record."""
        return {**asdict(self), "files": dict(self.files), "left_out": list(self.left_out)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Done:
        """Read back what ``as_json`` gave, from the host's own record."""
        return cls(**{**value, "left_out": tuple(value["left_out"])})


@dataclass(frozen=True)
class Outing:
    """One round of commands, by their digests, and what came of each."""

    kind: ClassVar = "commands"
    questions: tuple[str, ...]
    answers: tuple[Done, ...] = field(default=())

    def message(self) -> Json:
        """Give the message that tells a strategy what came of its commands."""
        return {"type": self.kind, "answers": [answer.as_json() for answer in self.answers]}

    @property
    def transcripts(self) -> tuple[str, ...]:
        """What a proposal may name that rests on a program."""
        return tuple(done.transcript for done in self.answers)

    def as_json(self) -> Json:
        """Give the round as plain JSON."""
        return {"questions": list(self.questions), "answers": [answer.as_json() for answer in self.answers]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outing:
        """Read back what ``as_json`` gave."""
        return cls(tuple(value["questions"]), tuple(Done.from_json(one) for one in value["answers"]))


class Programs(Protocol):
    """Whoever has programs run: all of them have ended, and the round is recorded, when it returns."""

    def run(self, commands: Sequence[Command]) -> Outing:
        """Return what came of each command, in their order."""


class NoPrograms:
    """A run without programs: a strategy that asks for one is refused."""

    def run(self, commands: Sequence[Command]) -> Outing:
        """Refuse."""
        raise StrategyError(f"The strategy asks for the program {commands[0].argv[0][:80]!r}, and this run has none.")


def read_commands(answer: Mapping[str, Any]) -> tuple[Command, ...]:
    """Check an answer of type ``commands``; raises StrategyError."""
    listed = answer.get("commands")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_COMMANDS:
        raise StrategyError(f"The strategy may have from 1 to {MAX_COMMANDS} programs run at a time.")
    return tuple(map(Command.from_json, listed))


def outing_of(commands: Sequence[Command], answers: Sequence[Done]) -> Outing:
    """Put a round together."""
    return Outing(tuple(command.digest for command in commands), tuple(answers))


def _argv(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ARGUMENTS:
        raise StrategyError(f"A command: argv is a list of 1 to {MAX_ARGUMENTS} texts.")
    argv = tuple(_text(one, MAX_ARGUMENT) for one in value)
    if not argv[0] or any("\0" in one for one in argv):
        raise StrategyError("A command: argv begins with the name of a program.")
    return argv


def _files(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MAX_FILES or not all(isinstance(one, str) for one in value):
        raise StrategyError(f"A command: files are at most {MAX_FILES}, as path and text.")
    files = {path: _text(text, MAX_BYTES) for path, text in value.items()}
    if sum(map(len, files.values())) > MAX_BYTES:
        raise StrategyError(f"A command: its files hold more than {MAX_BYTES:,} characters.")
    return files


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or any("\ud800" <= one <= "\udfff" for one in value):
        raise StrategyError(f"A command holds something else than text of at most {most:,} characters.")
    return value
