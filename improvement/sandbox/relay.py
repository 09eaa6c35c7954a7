"""The host between an evaluator and its candidate: calls go one way, plain values the other, nothing else passes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from improvement.sandbox.process import Cause, Ending, Process
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import check_started
from improvement.sandbox.supervisor import Supervisor

GRACE_SECONDS = 1.0
"""How long an evaluator may still score after its candidate has used up the evaluation's time."""

OUT_OF_TIME = "the evaluation's time is used up"
FINAL = ("result", "candidate_failed", "evaluator_error")
NO_PROGRAM = "none of its files is a Python program"
UNASKED = "it answered without being asked"

_ENDINGS = {
    Cause.VIOLATION: "it made a system call that the sandbox forbids",
    Cause.CPU: "it used up its processor time",
    Cause.MEMORY: "it used more memory than allowed",
    Cause.FILES: "it made more files than allowed",
    Cause.FLOOD: "it wrote more than allowed",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """How the evaluator ended: ``kind`` is result, candidate_failed, evaluator_error or timeout."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class _Call:
    """The one call that the evaluator waits for."""

    number: int
    deadline: float
    seconds: float


class Relay:
    """Carries one evaluation's calls. A candidate that fails is replaced by a fresh one at the next call.

    Without ``start`` the candidate is no program: its texts are all that the evaluator has, and calls fail.
    """

    def __init__(
        self, supervisor: Supervisor, evaluator: Process, start: Callable[[], Process] | None, *, seconds: float
    ) -> None:
        self.endings: list[Ending] = []
        self.log = b""
        self.last_cause = "candidate_error"
        self._supervisor = supervisor
        self._evaluator = evaluator
        self._start = start
        self._candidate: Process | None = start() if start else None
        self._call: _Call | None = None
        self._trouble: str | None = None
        self._deadline = time.monotonic() + seconds
        self._give_up_at = self._deadline

    def run(self) -> Answer:
        """Carry calls until the evaluator answers, ends, or runs out of time."""
        while True:
            self._supervisor.step(self._call.deadline if self._call else self._give_up_at)
            self._hear_candidate()
            if answer := self._hear_evaluator():
                return answer
            now = time.monotonic()
            if self._call and now >= self._call.deadline:
                self._expire(self._call)
            elif not self._call and now >= self._give_up_at:
                return Answer("timeout", None)

    def finish(self) -> None:
        """End both sides and keep what the candidate left behind, and what processor time the evaluator took."""
        for process in filter(None, (self._evaluator, self._candidate)):
            process.kill(Cause.DONE)  # both at once, then wait for both
        ended = self._evaluator.end(Cause.DONE)
        self._retire(Cause.DONE)
        self.endings.append(replace(ended, cause=Cause.DONE, memory_mb=0.0) if self._start else ended)

    # The evaluator's side

    def _hear_evaluator(self) -> Answer | None:
        while self._evaluator.lines:
            try:
                message = read(self._evaluator.lines.popleft())
            except BadResult as error:
                return Answer("evaluator_error", f"what the evaluator sent cannot be read: {error}")
            if _is_call(message) and self._call is None:
                self._begin(message["call"])
            else:
                return _final(message)
        if self._evaluator.ending:
            check_started(self._evaluator)
            return Answer("evaluator_error", f"the evaluator's process ended: {how_it_ended(self._evaluator.ending)}")
        return None

    def _begin(self, call: dict[str, Any]) -> None:
        seconds = call.pop("seconds")
        now = time.monotonic()
        deadline = self._deadline if seconds is None else min(self._deadline, now + seconds)
        self._call = _Call(call["id"], deadline, deadline - now)
        if now >= self._deadline:
            self._trouble, self.last_cause = OUT_OF_TIME, "timeout"
        if self._trouble:
            self._fail(self._call, self._trouble, self.last_cause)
            return
        if self._start is None:
            self._fail(self._call, NO_PROGRAM)
            return
        self._candidate = self._candidate or self._start()
        self._candidate.send(json.dumps(call).encode())

    def _reply(self, call: _Call, key: str, value: Any) -> None:
        self._evaluator.send(json.dumps({"id": call.number, key: value}).encode())
        self._call = None

    def _fail(self, call: _Call, why: str, cause: str = "candidate_error") -> None:
        self._trouble = None
        self.last_cause = cause
        self._reply(call, "failed", f"The candidate failed: {why}.")

    # The candidate's side

    def _hear_candidate(self) -> None:
        while self._candidate and self._candidate.lines:
            self._take(self._candidate.lines.popleft())
        if self._candidate and self._candidate.ending:
            check_started(self._candidate)
            ending = self._candidate.ending
            self._retire(ending.cause)
            self._go_wrong(how_it_ended(ending), str(ending.cause) if ending.cause in _ENDINGS else "crash")

    def _take(self, line: bytes) -> None:
        try:
            message = read(line)
        except BadResult as error:
            self._break_off(f"its answer cannot be used, {error}")
            return
        if self._call is None:
            self._break_off(UNASKED)
        elif not _is_answer(message, self._call.number):
            self._break_off("its answer does not belong to the call")
        elif "value" in message:
            self._reply(self._call, "value", message["value"])
        else:
            self._fail(self._call, str(message["error"])[:2000])

    def _break_off(self, why: str) -> None:
        """End a candidate that does not keep to the protocol."""
        self._retire(Cause.PROTOCOL)
        self._go_wrong(why, "protocol")

    def _go_wrong(self, why: str, cause: str) -> None:
        """Fail the call that waits, or else the next one."""
        if self._call:
            self._fail(self._call, why, cause)
        else:
            self._trouble, self.last_cause = why, cause

    def _expire(self, call: _Call) -> None:
        self._retire(Cause.TIMEOUT)
        if call.deadline >= self._deadline:
            self._give_up_at = self._deadline + GRACE_SECONDS
        self._fail(call, f"it did not answer within {call.seconds:.3g} seconds", "timeout")

    def _retire(self, cause: Cause) -> None:
        if self._candidate is None:
            return
        self.endings.append(self._candidate.end(cause))
        self.log += self._candidate.log
        self._candidate = None


def _is_call(message: Any) -> bool:
    call = message.get("call") if isinstance(message, dict) else None
    return (
        isinstance(call, dict)
        and call.keys() == {"id", "module", "function", "args", "kwargs", "seconds"}
        and isinstance(call["id"], int)
        and (call["seconds"] is None or isinstance(call["seconds"], int | float))
    )


def _final(message: Any) -> Answer:
    """The evaluator's last message; its process may hold anybody's code, so even its form is checked."""
    if isinstance(message, dict) and len(message) == 1:
        ((kind, value),) = message.items()
        if kind in FINAL:
            return Answer(kind, value)
    return Answer("evaluator_error", "the evaluator's process wrote on the channel to the host itself")


def _is_answer(message: Any, number: int) -> bool:
    return (
        isinstance(message, dict)
        and message.get("id") == number
        and (message.keys() == {"id", "value"} or (message.keys() == {"id", "error"}))
    )


def how_it_ended(ending: Ending) -> str:
    """Say in half a sentence why a sandbox ended."""
    if ending.cause in _ENDINGS:
        return _ENDINGS[ending.cause]
    if ending.cause is Cause.SIGNAL:
        return f"it was ended by signal {ending.code - 128}"
    return f"it exited with status {ending.code} without answering"
