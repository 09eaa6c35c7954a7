"""ShinkaEvolve's evaluators: scripts that are given the program's path and leave two files of results."""

from __future__ import annotations

import os
import sys

from improvement.sandbox.inside.modules import job_folder, show_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LARGEST_FILE = 1 << 20
CALLS = "objective_calls"
_SHIM = "shinka.core.wrap_eval"


class Scored:
    """What a script's files say: metrics and texts, and why the program is incorrect (None: it is correct)."""

    def __init__(self, metrics: dict[str, Any], artifacts: dict[str, Any], incorrect: str | None) -> None:
        self.metrics = metrics
        self.artifacts = artifacts
        self.incorrect = incorrect


def run(path: str, program: str) -> Scored:
    """Run the script at ``path`` of the job's folder on ``program`` and return what its files say."""
    error = _run_script(path, program)
    correct = _read("correct")
    if error is not None and (not isinstance(correct, dict) or correct.get("correct")):
        raise error
    metrics = _read("metrics")
    if not isinstance(correct, dict) or not isinstance(metrics, dict):
        raise LookupError(f"{path} left no metrics.json and correct.json with an object each")
    reason = str(correct.get("error") or "it gives no reason")
    return Scored(_public(metrics), _texts(metrics), None if correct.get("correct") is True else reason)


def _run_script(path: str, program: str) -> BaseException | None:
    """Run a file as ``python`` would, and return the error that ended it."""
    script = f"{job_folder()}/{path}"
    with open(script, encoding="utf-8") as file:
        source = file.read()
    os.makedirs(_results(), exist_ok=True)
    os.chdir(job_folder())
    _become_main(script)
    hyphens = "--program-path" in source and "--program_path" not in source
    names = ("--program-path", "--results-dir") if hyphens else ("--program_path", "--results_dir")
    sys.argv = [script, names[0], program, names[1], _results()]
    try:
        exec(compile(source, script, "exec"), vars(sys.modules["__main__"]))  # noqa: S102 - its purpose
    except SystemExit as ended:
        return None if not ended.code else RuntimeError(f"{path} ended with status {ended.code}")
    except BaseException as error:
        show_error()
        return error
    return None


def _become_main(script: str) -> None:
    sys.path[:0] = dict.fromkeys((script.rpartition("/")[0], job_folder()))
    main = sys.modules["__main__"] = type(sys)("__main__")
    main.__file__ = script


def _results() -> str:
    return os.environ["TMPDIR"] + "/results"


def _read(name: str) -> Any:
    """Read one of the two files, which has to be a plain one; None where there is none."""
    import json

    try:
        descriptor = os.open(f"{_results()}/{name}.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"{name}.json is larger than {LARGEST_FILE >> 20} MB")
    return json.loads(data)


def _public(metrics: dict[str, Any]) -> dict[str, Any]:
    """The score, the public metrics and the counted calls; what is private stays so."""
    public = metrics.get("public")
    shown = {**(public if isinstance(public, dict) else {}), "combined_score": metrics.get("combined_score")}
    calls = sys.modules[_SHIM].objective_calls() if _SHIM in sys.modules else None
    return {**shown, CALLS: calls} if calls is not None else shown


def _texts(metrics: dict[str, Any]) -> dict[str, Any]:
    feedback = metrics.get("text_feedback")
    return {"text_feedback": feedback} if feedback else {}
