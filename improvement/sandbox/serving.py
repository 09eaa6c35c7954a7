"""What a target's serving module does for its live stream, each in a sandbox of its own: begin, learn, predict."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from improvement.engine.measurement import Task
from improvement.engine.streams import Learned, Stream, read_begun, read_learned, read_predicted
from improvement.exceptions import Halted, ServingFailed
from improvement.sandbox import native
from improvement.sandbox.measure import supervised
from improvement.sandbox.relay import Answer
from improvement.sandbox.supervisor import Stopped

Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Question:
    """Observations to predict with some weights."""

    weights: Sequence[float]
    features: Sequence[Mapping[str, float]]


def begin(task: Task, stream: Stream, *, stop: Stop) -> dict[str, Any]:
    """Let the target's serving module begin with its editable files as they are; return the state that it begins with.

    Each of these functions asks ``stop`` at least every 0.1 s. Each raises ServingFailed when the module breaks, takes
    too long or answers what is not allowed, Halted when it is stopped, and SandboxUnavailable where this machine cannot
    isolate it: then nothing has run.
    """
    (answer,) = _serve(task, stream, "begin", [{"bound": stream.step_bound}], stop)
    return read_begun(answer, stream)


def learn(
    task: Task, stream: Stream, *, state: Mapping[str, Any], events: Sequence[Mapping[str, Any]], stop: Stop
) -> Learned:
    """Let the serving module go on from a state and learn the labels among these events, in their order."""
    order = {"weights": state["weights"], "memory": state["memory"], "events": list(events), "bound": stream.step_bound}
    (answer,) = _serve(task, stream, "learn", [order], stop)
    labels = sum("label" in event for event in events)
    return read_learned(answer, stream, weights=state["weights"], labels=labels)


def predict(task: Task, stream: Stream, *, questions: Sequence[Question], stop: Stop) -> list[list[str]]:
    """Let the serving module answer each question, in a sandbox that is told no label and nothing that was remembered.

    So a prediction depends on the weights alone, which are bounded.
    """
    calls = [{"weights": list(one.weights), "features": list(one.features)} for one in questions]
    answers = _serve(task, stream, "predict", calls, stop)
    return [
        read_predicted(answer, stream, asked=len(question.features))
        for question, answer in zip(questions, answers, strict=True)
    ]


def _serve(
    task: Task, stream: Stream, function: str, calls: Sequence[Mapping[str, Any]], stop: Stop
) -> Sequence[object]:
    order = {"function": function, "calls": list(calls)}
    try:
        answer = supervised(lambda supervisor: native.serve(supervisor, task, stream.module, order), stop)
    except Stopped as error:
        raise Halted("Everything is stopped; the stream is followed on when people lift that.") from error
    values = _value(answer, stream.module)
    if not isinstance(values, list) or len(values) != len(calls):
        raise ServingFailed(f"{stream.module} answered something that cannot be used.")
    return values


def _value(answer: Answer, module: str) -> object:
    if answer.kind == "result":
        return answer.value
    why = {"timeout": "it did not finish in time"}.get(answer.kind, json.dumps(answer.value)[:400])
    raise ServingFailed(f"{module} could not follow the stream: {why}.")
