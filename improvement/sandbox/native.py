"""Countersign's own protocol: evaluator and candidate in two sandboxes, joined by the host's relay."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from improvement.engine.cascade import Leg
from improvement.engine.measurement import Stage, Task
from improvement.sandbox import trees
from improvement.sandbox.bubblewrap import JOB
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Process
from improvement.sandbox.program import Family, Program
from improvement.sandbox.relay import GRACE_SECONDS, Answer, Relay
from improvement.sandbox.runtime import Bind
from improvement.sandbox.supervisor import Supervisor
from improvement.sandbox.verdict import Verdict, failed, numbers, scored

EVALUATOR_MEMORY_MB = 1024
"""An evaluator gets at least this much: it is the target owner's code, and may hold data the candidate never sees."""


def evaluate(
    supervisor: Supervisor, task: Task, files: Mapping[str, str], *, leg: Leg, seed: int, case: int
) -> Verdict:
    """Let the task's evaluator (for the holdout: its holdout module) score the candidate ``files`` on one case."""
    manifest = task.manifest
    module = manifest.holdout.module if leg.stage == Stage.HOLDOUT and manifest.holdout else manifest.evaluate.module
    job = {"seed": seed, "stage": leg.stage, "case": case}
    relay, evaluator = _joined(supervisor, task, files, module, job, seconds=leg.seconds)
    answer = relay.run()
    relay.finish()
    return _verdict(task, answer, relay, evaluator.log, leg)


def serve(supervisor: Supervisor, task: Task, module: str, order: Mapping[str, Any]) -> Answer:
    """Let a task's serving module carry out an order with the task's own editable files.

    ``order`` names its ``function`` and what that is given, one ``calls`` after another; the answer lists what came.
    """
    seconds = task.manifest.evaluate.seconds
    relay, _ = _joined(supervisor, task, task.editable, module, {"serve": order}, seconds=seconds)
    answer = relay.run()
    relay.finish()
    return answer


def _joined(
    supervisor: Supervisor,
    task: Task,
    files: Mapping[str, str],
    module: str,
    job: Mapping[str, Any],
    *,
    seconds: float,
) -> tuple[Relay, Process]:
    """Start the module with its job, and the candidate ``files`` at the other end of a relay."""
    manifest = task.manifest
    callable_files = [path for path in _editable_order(task, files) if path.endswith(".py")]
    tree = trees.shared().put(f"evaluator-{task.evaluator_digest}", lambda: task.uneditable)
    scoring = Program("evaluator", binds=(Bind(tree, JOB),), arguments=(module,), family=family(task, task.uneditable))
    evaluator = supervisor.start(scoring, _own_limits(task, seconds))
    default = callable_files[0].rpartition("/")[2].removesuffix(".py") if callable_files else ""
    texts = {path: text for path, text in files.items() if not path.endswith(".py")}
    evaluator.send(json.dumps({"module": default, "texts": texts, **job}).encode())
    candidate = Program(
        "program" if manifest.command else "candidate",
        files={path: text.encode("utf-8") for path, text in files.items()},
        binds=_visible(task),
        arguments=manifest.command or tuple(callable_files),
        family=family(task, {*files, *task.visible}),
    )
    start = partial(supervisor.start, candidate, candidate_limits(task, seconds)) if candidate.arguments else None
    return Relay(supervisor, evaluator, start, seconds=seconds), evaluator


def candidate_limits(task: Task, seconds: float) -> Limits:
    """Turn the manifest's limits into those of a candidate's sandbox that may take so many seconds."""
    evaluate = task.manifest.evaluate
    return Limits(
        seconds=seconds,
        cpu_seconds=int(seconds * evaluate.cpus) + 2,
        memory_mb=evaluate.memory_mb,
        cpus=evaluate.cpus,
    )


def family(task: Task, paths: Iterable[str]) -> Family:
    """Return the family of a task's programs that bring along the files of these paths.

    Evaluator and candidate differ in what they are given, so one zygote never serves both.
    """
    modules = {part.removesuffix(".py") for path in paths for part in path.split("/")}
    return Family(task.evaluator_digest, task.manifest.evaluate.preload, frozenset(modules))


def _own_limits(task: Task, seconds: float) -> Limits:
    """The evaluator's limits: the wall clock is the relay's, with its grace."""
    limits = candidate_limits(task, seconds)
    return Limits(
        seconds=limits.seconds + GRACE_SECONDS,
        cpu_seconds=limits.cpu_seconds + 1,
        memory_mb=max(limits.memory_mb, EVALUATOR_MEMORY_MB),
        cpus=limits.cpus,
    )


def _editable_order(task: Task, files: Mapping[str, str]) -> list[str]:
    """The candidate's files in the order of the manifest's list, so that the first one is the default module."""
    listed = [path for path in task.manifest.edit_files if path in files]
    return [*listed, *sorted(path for path in files if path not in listed)]


def _visible(task: Task) -> tuple[Bind, ...]:
    if not task.visible:
        return ()
    tree = trees.shared().put(f"visible-{task.evaluator_digest}", lambda: task.visible)
    return tuple(Bind(f"{tree}/{path}", f"{JOB}/{path}") for path in sorted(task.visible))


def _verdict(task: Task, answer: Answer, relay: Relay, evaluator_log: bytes, leg: Leg) -> Verdict:
    if answer.kind == "timeout":
        message = f"The evaluator did not finish within {leg.seconds:g} seconds."
        return failed("timeout", message, log=relay.log + evaluator_log, endings=relay.endings)
    if answer.kind == "candidate_failed":
        return failed(relay.last_cause, str(answer.value), log=relay.log, endings=relay.endings)
    if answer.kind != "result":
        message = f"The evaluator {task.manifest.evaluate.module} failed: {answer.value}"
        return failed("evaluator_error", message, log=relay.log + evaluator_log, endings=relay.endings)
    return _scored(task, answer, relay, evaluator_log)


def _scored(task: Task, answer: Answer, relay: Relay, evaluator_log: bytes) -> Verdict:
    try:
        metrics = _metrics(answer.value["metrics"], task.manifest.primary.name)
    except (KeyError, TypeError, ValueError) as error:
        message = f"The evaluator's result cannot be used: {error}."
        return failed("evaluator_error", message, log=relay.log + evaluator_log, endings=relay.endings)
    feedback = str(answer.value.get("feedback", ""))
    return scored(metrics, feedback=feedback, log=relay.log, endings=relay.endings)


def _metrics(values: Any, primary: str) -> dict[str, float]:
    metrics = numbers(values)
    if primary not in metrics:
        raise ValueError(f'it returned no metric "{primary}", which the manifest names first')
    return metrics
