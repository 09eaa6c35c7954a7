"""Imported task formats whose evaluator loads the program itself (OpenEvolve): one sandbox for both.

Candidate code shares a process with its scoring here, so a cheat can lie about its score. The isolation of every such
measurement says "cooperative", and people see that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from improvement.engine.measurement import Stage, Task
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

COMBINED, ERROR = "combined_score", "error"


def evaluate(
    supervisor: Supervisor, task: Task, files: Mapping[str, str], *, stage: Stage, seed: int, case: int
) -> Verdict:
    """Call the task's ``evaluate(program_path)`` on the candidate's first editable file."""
    manifest = task.manifest
    holdout = manifest.holdout.module if manifest.holdout else None
    module = holdout if stage is Stage.HOLDOUT and holdout else manifest.evaluate.module
    tree = trees.shared().put(
        f"seen-{module.replace('/', '-')}-{task.evaluator_digest}", lambda: _seen_tree(task, module)
    )
    program = Program("cooperative", binds=(Bind(tree, JOB),), arguments=(module,), family=family(task, task.tree))
    limits = candidate_limits(task)
    deadline = time.monotonic() + limits.seconds
    process = supervisor.start(program, limits)
    first = next((path for path in manifest.edit_files if path in files), min(files))
    process.send(json.dumps({"files": dict(files), "program": first, "seed": seed + case}).encode())
    _wait(supervisor, process, deadline)
    return _verdict(task, process, process.end(Cause.DONE))


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


def _verdict(task: Task, process: Process, ending: Ending) -> Verdict:
    check_started(process)
    if not process.lines:
        message = f"The evaluation gave no result: {how_it_ended(ending)}."
        if ending.cause is Cause.TIMEOUT:
            message = f"The evaluation did not finish within {task.manifest.evaluate.seconds:g} seconds."
        cause = "crash" if ending.cause in (Cause.EXIT, Cause.SIGNAL) else str(ending.cause)
        return failed(cause, message, log=process.log, endings=[ending])
    if len(process.lines) > 1:
        return failed("protocol", "The evaluation gave more than one result.", log=process.log, endings=[ending])
    try:
        message = read(process.lines[0])
        if "evaluator_error" in message:
            text = f"The evaluation failed: {str(message['evaluator_error'])[:2000]}"
            return failed("evaluation_error", text, log=process.log, endings=[ending])
        notes = dict(message["result"]["notes"])
        return _scored(task, process.log, ending, numbers(message["result"]["metrics"]), notes)
    except (BadResult, KeyError, TypeError, ValueError) as error:
        text = f"The evaluation's result cannot be used: {error}."
        return failed("protocol", text, log=process.log, endings=[ending])


def _scored(task: Task, log: bytes, ending: Ending, metrics: dict[str, float], notes: dict[str, Any]) -> Verdict:
    feedback = "\n".join(f"{name}: {value}" for name, value in notes.items())
    primary = task.manifest.primary.name
    if primary == COMBINED and COMBINED not in metrics:
        parts = [value for name, value in metrics.items() if name != ERROR]
        metrics |= {COMBINED: sum(parts) / len(parts)} if parts else {}
    if primary not in metrics:
        message = f'The evaluation returned no metric "{primary}" and nothing to compute it from.'
        return failed("no_score", message, feedback=feedback, log=log, endings=[ending])
    return scored(metrics, feedback=feedback, log=log, endings=[ending])
