"""Imported task formats whose evaluator loads the program itself (OpenEvolve, ShinkaEvolve): one sandbox for both.

Candidate code shares a process with its scoring here, so a cheat can lie about its score. The isolation of every such
measurement says "cooperative", and people see that. What can be had cheaply is had: the evaluator's files are what
their digest says, before and after; one result is taken, under a key that the program was never given; and
``inside.guard`` compares what scoring relies on with what it was before the program was loaded.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from improvement.engine.cascade import Leg
from improvement.engine.measurement import EVALUATOR_CHANGED, TAMPERED, Stage, Task
from improvement.sandbox import trees
from improvement.sandbox.bubblewrap import JOB
from improvement.sandbox.native import candidate_limits, family
from improvement.sandbox.process import Cause, Ending, Process
from improvement.sandbox.program import Program
from improvement.sandbox.relay import how_it_ended
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import check_started
from improvement.sandbox.runtime import Bind
from improvement.sandbox.supervisor import Supervisor
from improvement.sandbox.verdict import Verdict, failed, numbers, scored

INCORRECT = "incorrect"
CHANGED_MESSAGE = "The evaluator's files changed while they were in use on this machine: nothing measured so counts."
FORGED = "something else than the evaluation wrote a result"


def evaluate(
    supervisor: Supervisor, task: Task, files: Mapping[str, str], *, leg: Leg, seed: int, case: int
) -> Verdict:
    """Call the task's ``evaluate(program_path)``, or what a stage calls, on the candidate's first editable file."""
    manifest = task.manifest
    holdout = manifest.holdout.module if manifest.holdout else None
    module = holdout if leg.stage == Stage.HOLDOUT and holdout else manifest.evaluate.module
    name = f"seen-{module.replace('/', '-')}-{task.evaluator_digest}"
    tree = trees.shared().put(name, lambda: _seen_tree(task, module))
    if not trees.shared().holds(tree):
        tree = trees.shared().put(name, lambda: _seen_tree(task, module))
    program = Program(
        "cooperative",
        binds=(Bind(tree, JOB),),
        arguments=(module, manifest.evaluate.protocol),
        family=family(task, task.tree),
    )
    verdict = _evaluate(supervisor, task, program, files, leg, seed + case)
    if trees.shared().holds(tree):
        return verdict
    return failed(EVALUATOR_CHANGED, CHANGED_MESSAGE, log=verdict.log, endings=verdict.endings)


def _evaluate(
    supervisor: Supervisor, task: Task, program: Program, files: Mapping[str, str], leg: Leg, seed: int
) -> Verdict:
    limits = candidate_limits(task, leg.seconds)
    deadline = time.monotonic() + limits.seconds
    process = supervisor.start(program, limits)
    first = next((path for path in task.manifest.edit_files if path in files), min(files))
    key = secrets.token_hex(16)
    job = {"files": dict(files), "program": first, "function": leg.function, "seed": seed, "key": key}
    process.send(json.dumps(job).encode())
    _wait(supervisor, process, deadline)
    return _verdict(leg, process, process.end(Cause.DONE), key)


def _seen_tree(task: Task, module: str) -> dict[str, bytes]:
    """The target without what is edited, and without the holdout and the cheats: the candidate can read all of it."""
    hidden = {path for path in task.manifest.protected if path not in (module, task.manifest.evaluate.module)}
    return {
        path: data for path, data in task.tree.items() if path not in hidden and not task.manifest.is_editable(path)
    }


def _wait(supervisor: Supervisor, process: Process, deadline: float) -> None:
    while not process.lines and not process.ending:
        supervisor.step(deadline)
        if time.monotonic() >= deadline:
            process.end(Cause.TIMEOUT)


def _verdict(leg: Leg, process: Process, ending: Ending, key: str) -> Verdict:
    check_started(process)
    if not process.lines:
        message = f"The evaluation gave no result: {how_it_ended(ending)}."
        if ending.cause is Cause.TIMEOUT:
            message = f"The evaluation did not finish within {leg.seconds:g} seconds."
        cause = "crash" if ending.cause in (Cause.EXIT, Cause.SIGNAL) else str(ending.cause)
        return failed(cause, message, log=process.log, endings=[ending])
    if len(process.lines) > 1:
        return failed("protocol", "The evaluation gave more than one result.", log=process.log, endings=[ending])
    try:
        return _answered(process.log, ending, dict(read(process.lines[0])), key)
    except (BadResult, KeyError, TypeError, ValueError) as error:
        text = f"The evaluation's result cannot be used: {error}."
        return failed("protocol", text, log=process.log, endings=[ending])


def _answered(log: bytes, ending: Ending, message: dict[str, Any], key: str) -> Verdict:
    """Take the one message of an evaluation, whose key says that the program did not write it."""
    forged = not hmac.compare_digest(str(message.get("key", "")).encode(), key.encode())
    if forged or "tampered" in message:
        what = FORGED if forged else str(message["tampered"])[:500]
        return failed(TAMPERED, f"The program tampered with its scoring: {what}.", log=log, endings=[ending])
    if "evaluator_error" in message:
        text = f"The evaluation failed: {str(message['evaluator_error'])[:2000]}"
        return failed("evaluation_error", text, log=log, endings=[ending])
    result = message["result"]
    metrics, notes = numbers(result["metrics"]), dict(result["notes"])
    if result["incorrect"] is not None:
        text = f"The evaluator says that this is not correct: {str(result['incorrect'])[:2000]}"
        return failed(INCORRECT, text, feedback="\n".join([text, *_lines(notes)]), log=log, endings=[ending])
    return scored(metrics, feedback="\n".join(_lines(notes)), log=log, endings=[ending])


def _lines(notes: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {value}" for name, value in notes.items()]
