"""The ask/tell protocol: a strategy's answers are checked before anything is made of them."""

from __future__ import annotations

from typing import Any

import pytest

from improvement.engine.asktell import (
    MAX_FEEDBACK,
    Init,
    NewChampion,
    Proposal,
    Result,
    ToldOutcome,
    proposals_digest,
    read_ok,
    read_proposals,
    read_ready,
    read_state,
    tell_message,
)
from improvement.engine.consulting import Offer
from improvement.engine.decisions import MAX_COMMENTS, Decision, Ground, LineComment, Verdict
from improvement.engine.features import Feature
from improvement.engine.space import Parameter
from improvement.exceptions import StrategyError
from tests.unit.engine.loop_factories import manifest

BASE = {"a.py": "a = 1\n", "b.py": "b = 1\n"}
REMARK = LineComment("a.py", "new", 1, "a = 3", "why 3?", resolved=False)


def _read(*proposals: object, count: int = 8, first: int = 10) -> tuple[Proposal, ...]:
    answer = {"type": "proposals", "proposals": list(proposals)}
    return read_proposals(answer, count=count, first=first, files=BASE)


def _one(**changes: object) -> dict[str, Any]:
    return {"files": {"a.py": "a = 2\n"}, "parents": [3], "operator": "literal", "note": "a is 2", **changes}


def test_read_proposals_numbered_and_filled_in() -> None:
    first, second = _read(_one(), _one(parents=[10], note="two\n  lines"))
    assert first == Proposal(10, {"a.py": "a = 2\n", "b.py": "b = 1\n"}, (3,), "literal", "a is 2")
    assert (second.number, second.parents, second.note) == (11, (10,), "two lines")


def test_read_proposals_none_means_exhausted() -> None:
    assert _read() == ()


def test_read_proposals_optional_parts_left_out() -> None:
    assert _read({"files": {"a.py": ""}})[0] == Proposal(10, {"a.py": "", "b.py": "b = 1\n"}, (), "", "")


def test_read_proposals_file_outside_left_for_screening() -> None:
    assert "evaluator.py" in _read(_one(files={"evaluator.py": "cheat"}))[0].files


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("text", "object"),
        ({}, "files"),
        (_one(files={}), "files"),
        (_one(files=["a.py"]), "files"),
        (_one(files={"a.py": 5}), "not text"),
        (_one(files={f"{n}.py": "" for n in range(65)}), "files"),
        (_one(files={"a.py": "é" * 500_001}), "1000002 bytes"),
        (_one(parents=[10]), "parents"),
        (_one(parents=[-1]), "parents"),
        (_one(parents=[True]), "parents"),
        (_one(parents="3"), "parents"),
        (_one(operator=5), "operator"),
        (_one(note=None), "note"),
    ],
)
def test_read_proposals_bad_proposal_refused(bad: object, said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        _read(bad)


def test_read_proposals_more_than_asked_refused() -> None:
    with pytest.raises(StrategyError, match="asked for 1"):
        _read(_one(), _one(), count=1)


@pytest.mark.parametrize("answer", [{}, {"type": "ok"}, {"type": "proposals"}, {"type": "proposals", "proposals": {}}])
def test_read_proposals_other_answer_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(StrategyError):
        read_proposals(answer, count=1, first=0, files=BASE)


def test_read_error_answer_is_quoted() -> None:
    with pytest.raises(StrategyError, match="no such space"):
        read_ready({"type": "error", "message": "no such space"})


def test_read_simple_answers() -> None:
    read_ready({"type": "ready", "name": "x", "version": "1"})
    read_ok({"type": "ok"})
    assert read_state({"type": "state", "state": "blob"}) == "blob"


@pytest.mark.parametrize("state", [None, 5, "x" * 4_000_001])
def test_read_state_too_large_or_no_text_refused(state: object) -> None:
    with pytest.raises(StrategyError, match="4 MB"):
        read_state({"type": "state", "state": state})


def test_tell_message_as_the_protocol_spells_it() -> None:
    message = tell_message(
        [Result(4, ToldOutcome.OK, 1.5, {"score": 1.5}, "fine"), Result(5, ToldOutcome.DUPLICATE, of=2)],
        [Decision(2, Verdict.REJECTED, "too long", (Ground.TOO_COMPLEX,), (REMARK,))],
        NewChampion({"a.py": "a = 3\n"}, 1.25, {"score": 1.25}, "shorter"),
    )
    assert message == {
        "type": "tell",
        "results": [
            {"number": 4, "outcome": "ok", "score": 1.5, "metrics": {"score": 1.5}, "feedback": "fine", "of": None},
            {"number": 5, "outcome": "duplicate", "score": None, "metrics": {}, "feedback": "", "of": 2},
        ],
        "decisions": [
            {
                "number": 2,
                "verdict": "rejected",
                "reason": "too long",
                "grounds": ["too_complex"],
                "comments": [
                    {"path": "a.py", "side": "new", "line": 1, "code": "a = 3", "text": "why 3?", "resolved": False}
                ],
            }
        ],
        "champion": {"files": {"a.py": "a = 3\n"}, "score": 1.25, "metrics": {"score": 1.25}, "feedback": "shorter"},
    }
    assert tell_message([], [], None)["champion"] is None


def test_a_decision_tells_so_many_comments_and_no_more() -> None:
    said = Decision(2, Verdict.REJECTED, comments=(REMARK,) * (MAX_COMMENTS + 1)).as_json()["comments"]
    assert len(said) == MAX_COMMENTS


def test_tell_message_long_feedback_cut() -> None:
    result = Result(0, ToldOutcome.FAILED, feedback="x" * 20_000)
    assert len(tell_message([result], [], None)["results"][0]["feedback"]) == MAX_FEEDBACK


@pytest.mark.parametrize("numbers", [(2, 1), (1, 1)])
def test_tell_message_out_of_order_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(StrategyError, match="order"):
        tell_message([Result(number, ToldOutcome.FAILED) for number in numbers], [], None)


def test_init_message_holds_the_state() -> None:
    init = Init(7, {"rate": 0.5}, {"name": "t", "files": BASE})
    assert init.message("blob") == {
        "type": "init",
        "protocol": 1,
        "seed": 7,
        "parameters": {"rate": 0.5},
        "task": {"name": "t", "files": BASE},
        "state": "blob",
    }


def test_init_of_a_target_tells_nothing_of_the_holdout_or_the_evaluator() -> None:
    space = (Parameter("rate", "float", 0.1, 1.0, log=True), Parameter("mode", "choice", choices=("a", "b")))
    axes = (Feature("program_length", 0.0, 100.0, 5),)
    init = Init.of(
        manifest(parameters=space, features=axes),
        BASE,
        score=0.5,
        seed=7,
        parameters={},
        start={"score": 0.5},
        feedback="slow",
        models=[Offer("fast", 2.0, 0.1, 0.4, 1000)],
    )
    assert init.task == {
        "name": "parabola",
        "description": "",
        "kind": "code",
        "files": BASE,
        "metric": {"name": "score", "better": "higher"},
        "metrics": [{"name": "score", "better": "higher", "guard": None}],
        "space": [
            {"name": "rate", "type": "float", "low": 0.1, "high": 1.0, "log": True, "choices": []},
            {"name": "mode", "type": "choice", "low": None, "high": None, "log": False, "choices": ["a", "b"]},
        ],
        "features": [{"name": "program_length", "low": 0.0, "high": 100.0, "cells": 5}],
        "score": 0.5,
        "start": {"score": 0.5},
        "feedback": "slow",
        "models": [{"name": "fast", "weight": 2.0, "price_in": 0.1, "price_out": 0.4, "max_tokens": 1000}],
    }
    assert init.models == ("fast",)
    assert init.files == BASE


def test_proposals_digest_sees_every_part() -> None:
    variants = [_one(), _one(note="b"), _one(operator="c"), _one(parents=[]), _one(files={"a.py": "d"})]
    assert len({proposals_digest(_read(variant)) for variant in variants}) == len(variants)
    assert proposals_digest(_read(_one(), first=10)) != proposals_digest(_read(_one(), first=11))
