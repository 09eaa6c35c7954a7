"""The ask/tell protocol: what the host says to a strategy, and what it accepts back.

A strategy is not trusted. Every answer is checked for shape and size before anything is made
of it; whether the proposed files stay inside the editable ones is decided by screening, so
that an attempt becomes a blocked candidate that people can see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from improvement.engine.consulting import Offer
from improvement.engine.decisions import Decision
from improvement.engine.digests import digest
from improvement.engine.manifest import Manifest
from improvement.engine.packages import Setting
from improvement.engine.space import Parameter
from improvement.exceptions import StrategyError

PROTOCOL = 1
MAX_FILES = 64
MAX_PROPOSAL_BYTES = 1_000_000
MAX_STATE_BYTES = 4_000_000
MAX_NOTE = 500
MAX_OPERATOR = 60
DIGEST_LENGTH = 64
MAX_FEEDBACK = 8_000

Message = dict[str, Any]


class ToldOutcome(StrEnum):
    """What a strategy is told about a proposal."""

    OK = "ok"
    FAILED = "failed"
    BLOCKED = "blocked"
    DROPPED = "dropped"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Init:
    """What a strategy is told first; ``task`` is the protocol's task object, without host paths or secrets."""

    seed: int
    parameters: Mapping[str, Setting]
    task: Mapping[str, Any]

    @property
    def files(self) -> Mapping[str, str]:
        """The editable files at the start of the run; a proposal that leaves one out means it unchanged."""
        files: Mapping[str, str] = self.task["files"]
        return files

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models that the strategy may ask."""
        return tuple(model["name"] for model in self.task.get("models", ()))

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        files: Mapping[str, str],
        *,
        score: float | None,
        seed: int,
        parameters: Mapping[str, Setting],
        start: Mapping[str, float] | None = None,
        feedback: str = "",
        models: Sequence[Offer] = (),
    ) -> Init:
        """Put together what a strategy may know of a target: editable ``files``, metrics, space, what the start scores.

        ``score`` is the start's primary metric, ``start`` holds all its metrics and ``feedback`` what was said of it;
        ``models`` are those that the strategy may ask.
        """
        task = {
            "name": manifest.name,
            "description": manifest.description,
            "kind": manifest.kind,
            "files": dict(files),
            "metric": {"name": manifest.primary.name, "better": manifest.primary.better},
            "metrics": [{"name": one.name, "better": one.better, "guard": one.guard} for one in manifest.metrics],
            "space": [_dimension(parameter) for parameter in manifest.parameters],
            "features": [asdict(feature) for feature in manifest.features],
            "score": score,
            "start": dict(start or {}),
            "feedback": feedback[:MAX_FEEDBACK],
            "models": [model.as_json() for model in models],
        }
        return cls(seed, parameters, task)

    def message(self, state: str | None) -> Message:
        """Give the ``init`` message, for a fresh strategy or one restored from a state."""
        return {
            "type": "init",
            "protocol": PROTOCOL,
            "seed": self.seed,
            "parameters": dict(self.parameters),
            "task": dict(self.task),
            "state": state,
        }


@dataclass(frozen=True)
class Proposal:
    """One proposed change: all editable files as text, the numbers it descends from, and a line for reviewers.

    ``transcript`` is the digest of what a program did that made it, or of the question to a model on whose answer it
    rests; empty when there is neither.
    """

    number: int
    files: Mapping[str, str]
    parents: tuple[int, ...]
    operator: str
    note: str
    transcript: str = ""

    def as_json(self) -> Message:
        """Give the proposal as plain JSON, ``number`` included."""
        return {
            "number": self.number,
            "files": dict(self.files),
            "parents": list(self.parents),
            "operator": self.operator,
            "note": self.note,
            "transcript": self.transcript,
        }


@dataclass(frozen=True)
class Result:
    """What a strategy is told about one proposal: a raw score (the metric says which direction is better).

    ``of`` is the earlier proposal that a duplicate is the same as; None for one that changes nothing.
    """

    number: int
    outcome: ToldOutcome
    score: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    feedback: str = ""
    of: int | None = None

    def as_json(self) -> Message:
        """Give the result as the protocol spells it, the feedback cut to its limit."""
        return {
            "number": self.number,
            "outcome": self.outcome.value,
            "score": self.score,
            "metrics": dict(self.metrics),
            "feedback": self.feedback[:MAX_FEEDBACK],
            "of": self.of,
        }


@dataclass(frozen=True)
class NewChampion:
    """The champion after it moved: its editable files, and what it scored on the run's measure seed."""

    files: Mapping[str, str]
    score: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    feedback: str = ""

    def as_json(self) -> Message:
        """Give the champion as the protocol spells it."""
        return {
            "files": dict(self.files),
            "score": self.score,
            "metrics": dict(self.metrics),
            "feedback": self.feedback[:MAX_FEEDBACK],
        }


def tell_message(results: Sequence[Result], decisions: Sequence[Decision], champion: NewChampion | None) -> Message:
    """Give the ``tell`` message; results must be in the order of their numbers."""
    numbers = [result.number for result in results]
    if numbers != sorted(set(numbers)):
        raise StrategyError("Results must be told once each and in the order of the proposals.")
    return {
        "type": "tell",
        "results": [result.as_json() for result in results],
        "decisions": [decision.as_json() for decision in decisions],
        "champion": champion.as_json() if champion else None,
    }


def read_ready(answer: Message) -> None:
    """Check the answer to ``init``; raises StrategyError."""
    _expect(answer, "ready")


def read_ok(answer: Message) -> None:
    """Check the answer to ``tell``; raises StrategyError."""
    _expect(answer, "ok")


def read_state(answer: Message) -> str:
    """Return the state in the answer to ``snapshot``; raises StrategyError."""
    _expect(answer, "state")
    state = answer.get("state")
    if not isinstance(state, str) or len(state.encode("utf-8", "surrogatepass")) > MAX_STATE_BYTES:
        raise StrategyError(f"The strategy's state must be text of at most {MAX_STATE_BYTES // 1_000_000} MB.")
    return state


def read_proposals(answer: Message, *, count: int, first: int, files: Mapping[str, str]) -> tuple[Proposal, ...]:
    """Check the answer to ``ask`` and number its proposals from ``first``.

    ``files`` are the editable files that fill in what a proposal leaves out. Raises StrategyError.
    """
    _expect(answer, "proposals")
    listed = answer.get("proposals")
    if not isinstance(listed, list) or len(listed) > count:
        raise StrategyError(
            f"The strategy was asked for {count} proposals and must answer with a list of at most that many."
        )
    return tuple(_proposal(one, first + index, files) for index, one in enumerate(listed))


def proposals_digest(proposals: Sequence[Proposal]) -> str:
    """Return one digest (SHA-256, hex) for a whole answer, to compare a replay with the record."""
    return digest([proposal.as_json() for proposal in proposals])


def _dimension(parameter: Parameter) -> Message:
    return {**asdict(parameter), "choices": list(parameter.choices)}


def _expect(answer: Message, kind: str) -> None:
    if answer.get("type") == "error":
        raise StrategyError(f"The strategy refuses: {str(answer.get('message'))[:300]}")
    if answer.get("type") != kind:
        said = f"an answer of type {str(answer.get('type'))[:80]!r}"
        raise StrategyError(f"The strategy should have answered {kind!r} and gave {said}.")


def _proposal(one: object, number: int, files: Mapping[str, str]) -> Proposal:
    if not isinstance(one, dict):
        raise StrategyError(f"Proposal {number} must be an object with files, parents, operator and note.")
    proposed = _files(one.get("files"), number)
    return Proposal(
        number=number,
        files={**files, **proposed},
        parents=_parents(one.get("parents", []), number),
        operator=_line(one.get("operator", ""), number, "operator", MAX_OPERATOR),
        note=_line(one.get("note", ""), number, "note", MAX_NOTE),
        transcript=_line(one.get("transcript", ""), number, "transcript", DIGEST_LENGTH),
    )


def _files(value: object, number: int) -> dict[str, str]:
    if not isinstance(value, dict) or not value or len(value) > MAX_FILES:
        raise StrategyError(f"Proposal {number} must hold from 1 to {MAX_FILES} files as path and text.")
    if not all(isinstance(path, str) and isinstance(text, str) for path, text in value.items()):
        raise StrategyError(f"Proposal {number} holds a file that is not text.")
    try:
        size = sum(len(data) for _, data in [(path.encode(), text.encode()) for path, text in value.items()])
    except UnicodeEncodeError as error:
        raise StrategyError(f"Proposal {number} holds half a character, which no file can hold: {error}.") from error
    if size > MAX_PROPOSAL_BYTES:
        raise StrategyError(f"Proposal {number} holds {size} bytes; at most {MAX_PROPOSAL_BYTES} are accepted.")
    return value


def _parents(value: object, number: int) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(one) is int and 0 <= one < number for one in value):
        raise StrategyError(f"Proposal {number} must name its parents by the numbers of earlier proposals.")
    return tuple(value)


def _line(value: object, number: int, key: str, limit: int) -> str:
    if not isinstance(value, str):
        raise StrategyError(f"Proposal {number}: {key} must be text.")
    shown = "".join(character if character.isprintable() else " " for character in value)
    return " ".join(shown.split())[:limit]
