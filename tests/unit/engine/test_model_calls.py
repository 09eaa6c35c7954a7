"""Questions to models as strategies spell them, and answers as the record keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from improvement.engine.model_calls import (
    MAX_MESSAGES,
    MAX_PROMPT_BYTES,
    FinishReason,
    Message,
    ModelAnswer,
    ModelRequest,
    Speaker,
)
from improvement.exceptions import StrategyError

ASKED: dict[str, Any] = {"model": "small", "messages": [{"role": "user", "text": "Make it faster."}]}


def _asked(**changes: object) -> ModelRequest:
    return ModelRequest.from_json({**ASKED, **changes})


def test_a_request_needs_messages_and_a_model_only() -> None:
    assert ModelRequest.from_json(ASKED) == ModelRequest(
        messages=(Message(Speaker.USER, "Make it faster."),), model="small", max_tokens=4096
    )


def test_a_request_reads_back_what_it_wrote() -> None:
    request = _asked(max_tokens=9, temperature=1, seed=3, stop=["END"])
    assert ModelRequest.from_json(request.as_json()) == request
    assert request.digest == ModelRequest.from_json(request.as_json()).digest
    assert request.digest != _asked().digest


def test_an_answer_reads_back_what_it_wrote() -> None:
    answer = ModelAnswer("done", "small", 3, 4, 5, FinishReason.LENGTH)
    assert ModelAnswer.from_json(answer.as_json()) == answer
    failed = ModelAnswer.failed("small", "The server answered 500.")
    assert ModelAnswer.from_json(failed.as_json()) == failed
    assert failed.digest != answer.digest


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": []},
        {"messages": "hello"},
        {"messages": ["hello"]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "tool", "text": "x"}]},
        {"messages": [{"role": ["user"], "text": "x"}]},
        {"messages": [{"role": "user", "text": "x", "image": "y"}]},
        {"messages": [{"role": "user", "text": " "}]},
        {"messages": [{"role": "user", "text": "\ud800"}]},
        {"messages": [{"role": "system", "text": "only rules"}]},
        {"messages": [{"role": "user", "text": "x"}] * (MAX_MESSAGES + 1)},
        {"messages": [{"role": "user", "text": "x" * (MAX_PROMPT_BYTES + 1)}]},
        {"model": ""},
        {"model": 7},
        {"model": "a\nb"},
        {"model": "x" * 81},
        {"max_tokens": 0},
        {"max_tokens": True},
        {"max_tokens": 1.0},
        {"temperature": 2.1},
        {"temperature": True},
        {"temperature": float("nan")},
        {"temperature": "hot"},
        {"seed": -1},
        {"seed": 1.5},
        {"stop": "END"},
        {"stop": [""]},
        {"stop": ["\ud800"]},
        {"stop": ["a"] * 5},
        {"key": "sk-mine"},
        {7: "x"},
    ],
    ids=repr,
)
def test_a_request_of_another_shape_is_refused(changes: dict[Any, object]) -> None:
    with pytest.raises(StrategyError) as refused:
        ModelRequest.from_json({**ASKED, **changes})
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_a_request_that_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(StrategyError):
        ModelRequest.from_json(value)
