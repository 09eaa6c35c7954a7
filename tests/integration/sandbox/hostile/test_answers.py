"""What a candidate puts on the channel itself is an answer only if it is one: each check of the reader, one by one.

The last table shows why evaluator and candidate are two processes: the same cheats win where they share one.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from improvement.engine.measurement import Measurement, Outcome
from improvement.sandbox import descriptors, levels, relay, result, zygotes
from improvement.sandbox.started import Pipes
from tests.integration.sandbox.small_targets import measured, native, openevolve

ASKS = """
def evaluate(candidate, *, seed, stage, case):
    return {"metrics": {"score": 1}, "feedback": repr(candidate.call("answer"))}
"""
WRITES = """
import os, time
def answer():
    for channel in range(3, 256):
        try:
            os.write(channel, {line!r} + b"\\n")
        except OSError:
            continue
    time.sleep(60)
"""
PRINTS = """
import os
def answer():
    os.write(1, b'{"id":1,"value":"forged"}\\n')
    os._exit(0)
"""


@dataclass(frozen=True)
class Forgery:
    """A line that is no answer: why it is refused, and what arrives as its value without the check."""

    name: str
    line: bytes
    refused: str
    arrives: str = ""
    without: tuple[object, str, object] | None = None


def answering(value: bytes) -> bytes:
    """Return an answer to the first call."""
    return b'{"id":1,"value":' + value + b"}"


def nested(depth: int) -> bytes:
    """Return lists within lists."""
    return b"[" * depth + b"]" * depth


def instead_of(check: str, other: object) -> tuple[object, str, object]:
    """Name a check of the strict reader and what takes its place."""
    return (result, check, other)


def reading_by(reader: Callable[[bytes], Any]) -> tuple[object, str, object]:
    """Let another reader take the place of the strict one."""
    return (relay, "read", reader)


FORGERIES = (
    Forgery("NaN", answering(b"NaN"), "NaN is not a JSON number", "nan", instead_of("_refuse_constant", float)),
    Forgery("Infinity", answering(b"[-Infinity]"), "-Infinity is not", "[-inf]", instead_of("_refuse_constant", float)),
    Forgery("1e999", answering(b"1e999"), "is too large", "inf", instead_of("_read_float", float)),
    Forgery("1000 digits", answering(b"7" * 1000), "more than 400 digits", "7" * 1000, instead_of("_read_int", int)),
    Forgery(
        "100 levels",
        answering(nested(100)),
        "more than 32 levels",
        nested(100).decode(),
        instead_of("_check_depth", lambda _text, _most: None),
    ),
    Forgery(
        "a key twice", answering(b'{"a":1,"a":2}'), "the same key twice", "{'a': 2}", instead_of("_read_object", dict)
    ),
    Forgery(
        "half a surrogate pair",
        answering(b'"\\ud800"'),
        "surrogate pair",
        "'\\ud800'",
        instead_of("_check_surrogates", lambda _value: None),
    ),
    Forgery(
        "bad UTF-8",
        answering(b'"\xff"'),
        "not UTF-8",
        "'\ufffd'",
        reading_by(lambda data: json.loads(data.decode("utf-8", "replace"))),
    ),
    Forgery(
        "two values",
        answering(b"7") + answering(b"8"),
        "not JSON",
        "7",
        reading_by(lambda data: json.JSONDecoder().raw_decode(data.decode())[0]),
    ),
    Forgery(
        "another call's answer",
        b'{"id":99,"value":7}',
        "does not belong to the call",
        "7",
        (relay, "_is_answer", lambda message, _number: "value" in message),
    ),
)
# What the parser would refuse as well, or the cap on a message, has no proof of its own.
REFUSED_TWICE = (
    Forgery("5000 digits", answering(b"7" * 5000), "more than 400 digits"),
    Forgery("100,000 levels", answering(nested(100_000)), "more than 32 levels"),
    Forgery("a pickle", pickle.dumps([7]), "not UTF-8"),
    Forgery("no JSON", b"garbage", "not JSON"),
    Forgery("no object", b"[]", "does not belong to the call"),
    Forgery("a score", b'{"result":{"metrics":{"score":99}}}', "does not belong to the call"),
    Forgery("six megabytes", answering(b'"' + b"x" * (6 << 20) + b'"'), "wrote more than allowed"),
)


def of_candidate(solution: str) -> Measurement:
    """Measure a candidate whose answer becomes the feedback."""
    return measured(native(ASKS), solution)


def named(case: Any) -> str:
    """Return a case's name."""
    return str(case.name)


@pytest.fixture
def from_nothing() -> Iterator[None]:
    """Start everything from nothing."""
    levels.try_zygotes()
    zygotes.allow(False)
    yield
    zygotes.allow(True)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("forgery", [*FORGERIES, *REFUSED_TWICE], ids=named)
def test_a_forged_answer_is_refused(forgery: Forgery) -> None:
    verdict = of_candidate(_writing(forgery.line))
    assert (verdict.outcome, dict(verdict.metrics)) == (Outcome.FAILED, {})
    assert forgery.refused in verdict.message


@pytest.mark.parametrize("forgery", FORGERIES, ids=named)
def test_a_forged_answer_arrives_without_its_check(forgery: Forgery, monkeypatch: pytest.MonkeyPatch) -> None:
    assert forgery.without is not None
    monkeypatch.setattr(*forgery.without)
    assert of_candidate(_writing(forgery.line)).feedback == forgery.arrives


def _writing(line: bytes) -> str:
    """Return a candidate that writes a line on its channel; a long one is not spelled out."""
    return WRITES.replace("{line!r}", repr(line) if len(line) < 2000 else f"bytes.fromhex({line.hex()!r})")


# A pickle


class _Makes:
    """What makes a folder as soon as it is read from a pickle."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self._path),)


def test_a_pickle_is_never_run_though_a_reader_of_pickles_would(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = tmp_path / "made-by-the-candidate"
    line = pickle.dumps(_Makes(made))
    assert of_candidate(_writing(line)).outcome is Outcome.FAILED
    assert not made.exists()
    strict = result.read
    monkeypatch.setattr(relay, "read", lambda data: pickle.loads(data) if data[:1] == b"\x80" else strict(data))
    of_candidate(_writing(line))
    assert made.exists()


# What is printed


@pytest.mark.usefixtures("both_ways")
def test_what_is_printed_is_no_answer() -> None:
    verdict = of_candidate(PRINTS)
    assert (verdict.outcome, verdict.cause) == (Outcome.FAILED, "crash")
    assert "exited with status 0 without answering" in verdict.message
    assert "forged" in verdict.log


@pytest.mark.usefixtures("from_nothing")
def test_what_is_printed_would_be_an_answer_without_a_channel_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = descriptors.pipes

    def together(ours: ExitStack, theirs: ExitStack) -> tuple[Pipes, Pipes]:
        host, inner = apart(ours, theirs)
        return host, replace(inner, log=inner.messages)

    monkeypatch.setattr(descriptors, "pipes", together)
    assert of_candidate(PRINTS).feedback == "'forged'"


# Two processes

SCORES = """
def evaluate(candidate, *, seed, stage, case):
    expected = 42
    return {"score": float(candidate.call("double", 21) == expected)}
"""
SCORES_IN_ONE_PROCESS = """
import importlib.util
def evaluate(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    expected = 42
    return {"combined_score": float(program.double(21) == expected)}
"""


@dataclass(frozen=True)
class Cheat:
    """A candidate that doubles nothing and wants the score all the same; ``unseen`` where only separation helps."""

    name: str
    solution: str
    unseen: bool = False


CHEATS = (
    Cheat(
        "a value that equals everything",
        "class Yes:\n    def __eq__(self, other): return True\ndef double(n): return Yes()",
        unseen=True,
    ),
    Cheat("the caller's variables", "import sys\ndef double(n): return sys._getframe(1).f_locals['expected']"),
    Cheat(
        "another end of the measurement",
        "import sys\n"
        "def double(n):\n"
        "    harness = sys.modules.get('improvement.sandbox.inside.cooperative')\n"
        "    setattr(harness, '_parts', lambda _: ({'combined_score': 1.0}, {}))\n"
        "    return 0",
    ),
    Cheat(
        "a result of its own",
        "import os\n"
        'LINE = b\'{"result":{"metrics":{"score":1.0,"combined_score":1.0},"notes":{}}}\\n\'\n'
        "def double(n):\n"
        "    for channel in range(3, 256):\n"
        "        try: os.write(channel, LINE)\n"
        "        except OSError: continue\n"
        "    os._exit(0)",
    ),
)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("cheat", CHEATS, ids=named)
def test_a_cheat_gains_nothing(cheat: Cheat) -> None:
    assert measured(native(SCORES), cheat.solution).metrics in ({}, {"score": 0.0})


@pytest.mark.parametrize("cheat", CHEATS, ids=named)
def test_a_cheat_that_shares_a_process_with_its_scoring_wins_unless_it_is_seen(cheat: Cheat) -> None:
    result = measured(openevolve(SCORES_IN_ONE_PROCESS), cheat.solution)
    won = result.metrics.get("combined_score") == 1.0
    assert (won, result.cause) in ([(True, "ok")] if cheat.unseen else [(False, "tampered"), (False, "protocol")])
