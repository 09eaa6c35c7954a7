"""One process for evaluator and candidate, for task formats whose evaluator loads the program itself."""

from __future__ import annotations

import os
import sys

from improvement.sandbox.inside import shinka
from improvement.sandbox.inside.guard import Guard
from improvement.sandbox.inside.modules import SHIMS, flush, job_folder, load, one_line, show_error
from improvement.sandbox.inside.wire import Wire, codec, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")
ARTIFACT_BYTES = 20_000
LARGEST = sys.float_info.max


def cooperative(reading: int, writing: int, arguments: list[str]) -> None:
    """Let the evaluator score the program once; ``arguments`` are the evaluator's path and the protocol."""
    sys.path.append(SHIMS)
    job = Wire(reading, writing).receive()
    program = _write(job["files"], job["program"])
    guard = Guard(writing, codec(plain)[1], job.pop("key"), program)
    try:
        message = {"result": _result(_evaluate(*arguments, program, job, guard))}
    except BaseException as error:
        show_error()
        message = {"evaluator_error": one_line(error)}
    flush()
    guard.send(message)


def _write(files: dict[str, str], program: str) -> str:
    folder = os.environ["TMPDIR"] + "/candidate"
    for path, text in files.items():
        target = f"{folder}/{path}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    return f"{folder}/{program}"


def _evaluate(path: str, protocol: str, program: str, job: dict[str, Any], guard: Guard) -> Any:
    if protocol == "shinka":
        _import_numpy_for(path)
        _seed(job["seed"])
        return shinka.run(path, program)
    module = load(path)
    _seed(job["seed"])
    guard.seal()
    if job["function"]:
        return _stage(module, path, job["function"])(program)
    if hasattr(module, "evaluate"):
        return module.evaluate(program)
    if hasattr(module, STAGES[0]):
        return _staged(module, program)
    raise LookupError(f"{path} defines no function evaluate(program_path)")


def _stage(module: ModuleType, path: str, function: str) -> Any:
    if not hasattr(module, function):
        raise LookupError(f"{path} defines no function {function}(program_path)")
    return getattr(module, function)


def _import_numpy_for(path: str) -> None:
    """Import numpy before its random numbers are fixed, when a script that is yet to run will."""
    with open(f"{job_folder()}/{path}", encoding="utf-8") as file:
        if "numpy" not in file.read():
            return
    try:
        __import__("numpy.random")
    except ImportError:
        return


def _seed(seed: int) -> None:
    """Fix the random numbers of evaluators that do not do it themselves, so that a measurement can be repeated."""
    import random

    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def _staged(module: ModuleType, program: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in STAGES:
        if hasattr(module, name):
            merged.update(_parts(getattr(module, name)(program))[0])
    return merged


def _result(answer: Any) -> dict[str, Any]:
    values, artifacts = _parts(answer)
    numbers, words = {}, {}
    for name, value in values.items():
        number = value.item() if hasattr(value, "item") else value
        if isinstance(number, (int, float)) and not isinstance(number, bool) and -LARGEST <= number <= LARGEST:
            numbers[str(name)] = number
        else:
            words[str(name)] = _text(value)
    notes = {**words, **{str(name): _text(value) for name, value in artifacts.items()}}
    return {"metrics": numbers, "notes": notes, "incorrect": getattr(answer, "incorrect", None)}


def _parts(answer: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The metrics and the artifacts of a plain dict, of one with nested artifacts, or of an EvaluationResult."""
    if not isinstance(answer, dict):
        metrics, artifacts = getattr(answer, "metrics", None), getattr(answer, "artifacts", None)
    else:
        metrics, artifacts = dict(answer), answer.get("artifacts")
        if isinstance(artifacts, dict):
            del metrics["artifacts"]
    if not isinstance(metrics, dict):
        raise ValueError(f"evaluate returned {type(answer).__name__}; it has to return a dict or an EvaluationResult")
    return metrics, artifacts if isinstance(artifacts, dict) else {}


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text[:ARTIFACT_BYTES]
