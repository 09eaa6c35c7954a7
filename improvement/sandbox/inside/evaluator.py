"""The evaluator's process: it holds the evaluator and everything it knows, and reaches the candidate only by calls."""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock

from improvement.sandbox.inside.modules import SHIMS, flush, load, one_line, show_error
from improvement.sandbox.inside.shims import countersign
from improvement.sandbox.inside.wire import Wire, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any


LARGEST = sys.float_info.max
SERVES = {
    "begin": "candidate, *, bound",
    "learn": "candidate, *, weights, memory, events, bound",
    "predict": "candidate, *, weights, features",
}
"""What a module that follows a stream has to define, and with which arguments."""


class Candidate:
    """What ``evaluate`` is given: a way to call the candidate's functions, which run in a sandbox of their own."""

    def __init__(
        self,
        ask: Callable[[dict[str, Any]], Any],
        module: str,
        texts: Mapping[str, str],
        seconds: float | None = None,
    ) -> None:
        self._ask = ask
        self._module = module
        self._texts = texts
        self._seconds = seconds

    def call(self, function: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the candidate with plain JSON values and return what it answers.

        Raises CandidateFailed when it fails, ends, takes too long or answers anything but plain JSON.
        """
        return self._ask(
            {
                "module": self._module,
                "function": function,
                "args": args,
                "kwargs": kwargs,
                "seconds": self._seconds,
            }
        )

    def text(self, path: str) -> str:
        """Return the text of an editable file that is no Python program, such as ``pipeline.toml``.

        Raises LookupError when there is no such file.
        """
        if path not in self._texts:
            raise LookupError(f"the candidate has no editable file {path} that is not Python")
        return self._texts[path]

    def run(
        self,
        stdin: str = "",
        *,
        args: Iterable[str] = (),
        files: Mapping[str, str] | None = None,
        read: Iterable[str] = (),
    ) -> Any:
        """Run the candidate's command once with ``stdin`` and further arguments, in a folder with these ``files``.

        Returns what it printed or, when ``read`` names files, their texts, path to text. Raises CandidateFailed when
        it fails, takes too long, prints too much or leaves anything but plain files of UTF-8 text.
        """
        return self._ask(
            {
                "module": self._module,
                "function": "run",
                "args": [str(stdin), [str(one) for one in args]],
                "kwargs": {"files": dict(files or {}), "read": list(read)},
                "seconds": self._seconds,
            }
        )

    def module(self, name: str) -> Candidate:
        """Return the same candidate with calls going to the editable file ``name``.py."""
        return Candidate(self._ask, name, self._texts, self._seconds)

    def within(self, seconds: float) -> Candidate:
        """Return the same candidate with each call bounded to ``seconds`` of wall time."""
        return Candidate(self._ask, self._module, self._texts, float(seconds))


class _Calls:
    """The evaluator's side of the relay: one call at a time, numbered."""

    def __init__(self, wire: Wire, failed: type[Exception]) -> None:
        self._wire = wire
        self._failed = failed
        self._number = 0
        self._lock = allocate_lock()

    def ask(self, call: dict[str, Any]) -> Any:
        with self._lock:
            self._number += 1
            self._wire.send({"call": {"id": self._number, **call}})
            answer = self._wire.receive()
        if "value" in answer:
            return answer["value"]
        raise self._failed(answer["failed"])


def evaluator(reading: int, writing: int, arguments: list[str]) -> None:
    """Run the module's ``evaluate``, or what it is to serve, and send what comes of it; ``arguments`` is its path."""
    sys.path.append(SHIMS)
    sys.modules["countersign"] = countersign
    wire = Wire(reading, writing, plain)
    job = wire.receive()
    calls = _Calls(wire, countersign.CandidateFailed)
    try:
        message = {"result": _result(arguments[0], Candidate(calls.ask, job["module"], job["texts"]), job)}
    except countersign.CandidateFailed as error:
        message = {"candidate_failed": str(error)}
    except BaseException as error:
        show_error()
        message = {"evaluator_error": one_line(error)}
    flush()
    wire.send(message)
    os._exit(0)


def _result(path: str, candidate: Candidate, job: dict[str, Any]) -> Any:
    if "serve" in job:
        name = job["serve"]["function"]
        function = _function(path, name, SERVES[name])
        return [function(candidate, **call) for call in job["serve"]["calls"]]
    evaluate = _function(path, "evaluate", "candidate, *, seed, stage, case")
    return _checked(evaluate(candidate, seed=job["seed"], stage=job["stage"], case=job["case"]))


def _function(path: str, name: str, arguments: str) -> Any:
    function = getattr(load(path), name, None)
    if not callable(function):
        raise LookupError(f"{path} defines no function {name}({arguments})")
    return function


def _checked(answer: Any) -> dict[str, Any]:
    """The metrics as plain numbers and the feedback as text; ValueError names what is wrong."""
    if isinstance(answer, dict) and isinstance(answer.get("metrics"), dict):
        metrics, feedback = answer["metrics"], answer.get("feedback", "")
    else:
        metrics, feedback = answer, ""
    if not isinstance(metrics, dict):
        raise ValueError(f"evaluate returned {type(answer).__name__}; it has to return a dict of metrics")
    return {"metrics": {name: _number(name, value) for name, value in metrics.items()}, "feedback": str(feedback)}


def _number(name: Any, value: Any) -> float | int:
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"the metric {name!r} is {value!r:.80}; it has to be a number")
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"the metric {name!r} is {value}; it has to be finite")
    return value
