"""Every strategy, alone and sharing a run, with everything on: a run that is lost again and again goes on the same.

Processes are lost after an ask, after a tell, after a snapshot, and in the middle of an ask, when models or programs
have answered and nothing is proposed yet. Equal are the proposals and all that a strategy keeps: archives, bandits and
random states.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from improvement.engine.asktell import Init, Message, NewChampion, Proposal, Result, ToldOutcome, tell_message
from improvement.engine.consulting import Round, round_of
from improvement.engine.decisions import Decision, Ground, LineComment, Verdict
from improvement.engine.ensemble import Ensemble
from improvement.engine.errands import Command, Done, Outing, outing_of
from improvement.engine.model_calls import FinishReason, ModelAnswer, ModelRequest
from improvement.engine.packages import find_builtin
from improvement.engine.pipelines import completed, parse, write
from improvement.engine.session import (
    Entry,
    Process,
    Session,
    Snapshot,
    Tell,
    entry_for,
    entry_from_json,
    entry_to_json,
)
from tests.unit.strategies.loading import PackageProcess, init
from tests.unit.strategies.programs import REGRESSION, TUNABLE, TUNABLE_SPACE, knobs_score, regression_error, run

COUNT, GENERATIONS = 4, 7
CONTROLLER = "# EVOLVE-BLOCK-START\nWEIGHTS = [[0.5, -0.25], [1.0, 2.0]]\n# EVOLVE-BLOCK-END\n"
AREA = "def area(width, height):\n    return width + height\n"
PIPELINE = write(completed({"model": "linear"}))
NUMERIC = [entry for entry in TUNABLE_SPACE if entry["type"] != "choice"]
KINDS = [
    {"name": "program_length", "low": 100.0, "high": 500.0, "cells": 4},
    {"name": "parts", "low": 0.0, "high": 10.0, "cells": 5},
]
MODELS = [
    {"name": name, "weight": 1.0, "price_in": 1.0, "price_out": 2.0, "max_tokens": 1000} for name in ("fast", "strong")
]


@dataclass(frozen=True)
class Case:
    """Strategies that share a run, what they work on, and their settings."""

    names: str
    task: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def begun(self) -> Init:
        """What they are told first."""
        return Init(11, find_builtin(self.names).settings(self.settings), self.task)


def task(files: dict[str, str], **more: Any) -> dict[str, Any]:
    """Return what the host says of a target."""
    kept = {key: more.pop(key) for key in ("features", "models") if key in more}
    whole: dict[str, Any] = init(files, score=measured(files)[0], start=measured(files)[1], **more)["task"]
    return {**whole, "description": "", "feedback": "", "features": [], "models": [], **kept}


def measured(files: Mapping[str, str]) -> tuple[float | None, dict[str, float]]:
    """Measure any of the programs: its score, and further metrics."""
    if "program.py" in files:
        return regression_error(files["program.py"]), {"parts": float(files["program.py"].count("("))}
    if "controller.py" in files:
        return sum(abs(weight) for row in run(files["controller.py"])["WEIGHTS"] for weight in row), {}
    if "area.py" in files:
        return float(run(files["area.py"])["area"](3, 4)), {}
    if "pipeline.toml" in files:
        values = parse(files["pipeline.toml"])
        return -float(len(str(values["model"]))) - float(str(values["keep"])), {"size": 12.0, "fitting_work": 30.0}
    depth = float(run(files["knobs.py"])["DEPTH"])
    return knobs_score(files["knobs.py"]), {"size": depth, "weight": depth}


EVOLVED = task({"program.py": REGRESSION}, better="lower", features=KINDS)
TUNED = task({"knobs.py": TUNABLE}, space=TUNABLE_SPACE)
TRADED = task(
    {"knobs.py": TUNABLE},
    space=TUNABLE_SPACE,
    metrics=[
        {"name": "size", "better": "lower", "guard": None},
        {"name": "weight", "better": "lower", "guard": 1.0},
    ],
)
STEERED = task({"controller.py": CONTROLLER}, better="lower")
WRITTEN = task({"area.py": AREA}, models=MODELS)
FITTED = task({"pipeline.toml": PIPELINE}, metrics=[{"name": "size", "better": "lower", "guard": 50.0}])
EDITOR = {"command": "/opt/agent {files}", "seconds": 60, "patience": 100}
CASES = [
    Case("evolution", EVOLVED, {"migration_every": 2, "patience": 3}),
    Case("parameters", TUNED, {"startup": 6}),
    Case("parameters", task({"knobs.py": TUNABLE}, space=NUMERIC), {"sampler": "cmaes"}),
    Case("parameters", TRADED, {"sampler": "nsgaii", "population": 6}),
    Case("automl", FITTED),
    Case("policy", STEERED, {"method": "ars"}),
    Case("policy", STEERED, {"method": "cmaes"}),
    Case("online", TUNED),
    Case("llm", WRITTEN),
    Case("command", WRITTEN, EDITOR),
    Case("evolution+parameters", task({"program.py": REGRESSION}, better="lower")),
    Case("llm+command", WRITTEN, {f"command.{name}": value for name, value in EDITOR.items()}),
]


class LostError(Exception):
    """The host is lost while somebody waits for it."""


@dataclass
class Tape:
    """What the host keeps of a run, and whoever answers for models and programs; ``lose`` ends it after that."""

    snapshot: Snapshot | None = None
    journal: list[Entry] = field(default_factory=list)
    answered: int = 0
    lose: bool = False

    def answer(self, requests: Sequence[ModelRequest]) -> Round:
        """Answer as a model: each question gets another program, now and then none that can be used."""
        return self.keep(round_of(requests, [self.said(request) for request in requests]))

    def said(self, request: ModelRequest) -> ModelAnswer:
        """Return an answer that depends on the question alone."""
        number = int(request.digest[:6], 16) % 997
        text = f"Change: {number}\n\narea.py\n```python\ndef area(width, height):\n    return {number}\n```\n"
        return ModelAnswer(
            "No." if number % 5 == 0 else text, request.model, 100, number, 1000 * number, FinishReason.STOP
        )

    def run(self, commands: Sequence[Command]) -> Outing:
        """Answer as a program that edits."""
        return self.keep(outing_of(commands, [self.did(command) for command in commands]))

    def did(self, command: Command) -> Done:
        """Return what came of a command, by that alone."""
        number = int(command.digest[:6], 16) % 997
        files = {"area.py": f"def area(width, height):\n    return {number}\n"}
        return Done("exit", 0, "", files, (), "done", 1.0, command.digest)

    def keep(self, found: Any) -> Any:
        """Keep a round before anybody hears of it."""
        self.journal.append(found)
        self.answered += len(found.answers)
        if self.lose:
            self.lose = False
            raise LostError
        return found


class Speaking:
    """A package's process as the host speaks to it."""

    def __init__(self, process: PackageProcess) -> None:
        self.process = process

    def request(self, message: Message, seconds: float) -> Message:
        """Send a message and return the answer."""
        assert seconds > 0
        return self.process.request(message)


@contextmanager
def processes(case: Case) -> Iterator[Process]:
    """Start the processes of a case's strategies, spoken to as one."""
    package = find_builtin(case.names)
    with ExitStack() as stack:
        running = [Speaking(stack.enter_context(PackageProcess(name))) for name in case.names.split("+")]
        yield Ensemble(package, running) if package.members else running[0]


@contextmanager
def session(case: Case, tape: Tape) -> Iterator[Session]:
    """Bring fresh processes to where the tape ends, read from its stored form."""
    journal = [entry_from_json(json.loads(json.dumps(entry_to_json(entry)))) for entry in tape.journal]
    with processes(case) as process:
        restored = Session.restore(process, case.begun, tape.snapshot, journal)
        restored.models = restored.programs = tape
        yield restored


def asked(talk: Session, tape: Tape) -> tuple[Proposal, ...]:
    """Ask, and note that on the tape."""
    proposals = talk.ask(COUNT)
    tape.journal.append(entry_for(COUNT, proposals))
    return proposals


def told(talk: Session, tape: Tape, seen: Sequence[Sequence[Proposal]]) -> None:
    """Tell what the last generation came to, what people said of the first one, and once that the champion moved."""
    message = tell_message([result_of(one) for one in seen[-1]], DECISIONS[len(seen) - 1], champion_of(seen))
    talk.tell(message)
    tape.journal.append(Tell(message))


def result_of(proposal: Proposal) -> Result:
    """Measure a proposal; every seventh is called a duplicate of the first."""
    if proposal.number % 7 == 6:
        return Result(proposal.number, ToldOutcome.DUPLICATE, of=0)
    score, metrics = measured(proposal.files)
    if score is None:
        return Result(proposal.number, ToldOutcome.FAILED, feedback="it broke")
    return Result(proposal.number, ToldOutcome.OK, score, {"score": score, **metrics})


def champion_of(seen: Sequence[Sequence[Proposal]]) -> NewChampion | None:
    """In the fifth generation the first proposal of the run became champion."""
    score, metrics = measured(seen[0][0].files)
    moved = len(seen) == 5 and score is not None
    return NewChampion(seen[0][0].files, score, metrics) if moved and score is not None else None


COMMENT = LineComment("area.py", "new", 2, "    return 7", "why this number?", resolved=False)
DECISIONS: list[list[Decision]] = [
    [],
    [Decision(0, Verdict.UNCONFIRMED, "no better on fresh seeds")],
    [Decision(1, Verdict.REJECTED, "too clever", (Ground.TOO_COMPLEX,), (COMMENT,))],
    [Decision(2, Verdict.CHANGES_REQUESTED, "shorter", (Ground.UNCLEAR,))],
    [Decision(0, Verdict.RELEASED)],
    [],
    [],
]


def kept(state: str) -> Any:
    """Return what a state holds but for pickled samplers: equal objects are pickled in more than one way."""
    if state.startswith("{"):
        return {key: value for key, value in json.loads(state).items() if key != "search"}
    packed = state.encode()
    for decode in (base64.b85decode, base64.b64decode):
        with suppress(ValueError, zlib.error):
            whole = json.loads(zlib.decompress(decode(packed)))
            return {**whole, "states": {name: kept(one) for name, one in whole.get("states", {}).items()}}
    return None


def uninterrupted(case: Case) -> tuple[list[tuple[Proposal, ...]], Any, int]:
    """Run a case to its end: the proposals, what is kept then, and how often somebody was asked for help."""
    tape, seen = Tape(), list[tuple[Proposal, ...]]()
    with session(case, tape) as talk:
        for _ in range(GENERATIONS):
            seen.append(asked(talk, tape))
            told(talk, tape, seen)
        return seen, kept(talk.snapshot().state), tape.answered


def lost_again_and_again(case: Case) -> tuple[list[tuple[Proposal, ...]], Any, int]:
    """Run a case to its end with processes lost in each of the four places."""
    tape, seen = Tape(), list[tuple[Proposal, ...]]()
    with session(case, tape) as talk:
        seen.append(asked(talk, tape))
        told(talk, tape, seen)
        seen.append(asked(talk, tape))
    with session(case, tape) as talk:  # lost after an ask
        told(talk, tape, seen)
        seen.append(asked(talk, tape))
        told(talk, tape, seen)
    with session(case, tape) as talk:  # lost after a tell
        seen.append(asked(talk, tape))
        told(talk, tape, seen)
        tape.snapshot, tape.journal = talk.snapshot(), []
    with session(case, tape) as talk:  # lost after a snapshot
        seen.append(asked(talk, tape))
        told(talk, tape, seen)
        tape.lose = True
        with suppress(LostError):
            seen.append(asked(talk, tape))
    with session(case, tape) as talk:  # lost in the middle of an ask, where somebody was asked for help
        if len(seen) == 5:
            seen.append(asked(talk, tape))
        told(talk, tape, seen)
        seen.append(asked(talk, tape))
        told(talk, tape, seen)
        return seen, kept(talk.snapshot().state), tape.answered


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join([case.names, *map(str, case.settings.values())]))
def test_a_run_that_is_lost_again_and_again_equals_one_that_is_not(case: Case) -> None:
    whole = uninterrupted(case)
    assert len(whole[0]) == GENERATIONS
    assert sum(map(len, whole[0])) > GENERATIONS
    again = lost_again_and_again(case)
    assert [again[0] == whole[0], again[1] == whole[1], again[2] == whole[2]] == [True] * 3
