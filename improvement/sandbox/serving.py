"""One step of a rule that follows a live stream: what its serving module makes of events, in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from improvement.engine.measurement import Task
from improvement.engine.streams import Stream
from improvement.exceptions import Halted, ServingFailed
from improvement.sandbox import native
from improvement.sandbox.measure import supervised
from improvement.sandbox.relay import Answer
from improvement.sandbox.supervisor import Stopped


def serve(
    task: Task,
    stream: Stream,
    *,
    state: Mapping[str, Any] | None,
    events: Sequence[Mapping[str, Any]],
    stop: Callable[[], bool],
) -> Any:
    """Let the target's serving module take events with its editable files as they are; return what it answered.

    ``stop`` is asked at least every 0.1 s. Raises ServingFailed when it breaks or takes too long, Halted
    when it is stopped, and SandboxUnavailable where this machine cannot isolate it: then nothing has run.
    """
    order = {"state": state, "events": list(events), "bound": stream.step_bound}
    try:
        answer = supervised(lambda supervisor: native.serve(supervisor, task, stream.module, order), stop)
    except Stopped as error:
        raise Halted("Everything is stopped; the stream is followed on when people lift that.") from error
    return _value(answer, stream.module)


def _value(answer: Answer, module: str) -> Any:
    if answer.kind == "result":
        return answer.value
    why = {"timeout": "it did not finish in time"}.get(answer.kind, json.dumps(answer.value)[:400])
    raise ServingFailed(f"{module} could not follow the stream: {why}.")
