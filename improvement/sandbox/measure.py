"""One measurement: a task, a candidate's files, and what the evaluator says about them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from improvement.engine.cascade import Leg, Step, legs
from improvement.engine.measurement import Measurement, Stage, Task
from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import cooperative, levels, native, spawn, text, zygotes
from improvement.sandbox.course import Course
from improvement.sandbox.supervisor import Stopped, Supervisor
from improvement.sandbox.verdict import STOPPED_MESSAGE, Verdict, failed

FEEDBACK_BYTES = 20_000
LOG_BYTES = 32_000
MESSAGE_BYTES = 2_000
Answered = TypeVar("Answered")


def measure(
    task: Task,
    files: Mapping[str, str],
    *,
    stage: Stage,
    seed: int,
    case: int = 0,
    champion: Sequence[Step] = (),
    stop: Callable[[], bool] | None = None,
) -> Measurement:
    """Measure a candidate (``files``: all its editable files, path to text) in the sandbox.

    ``champion`` is what came of the champion on the same seed: with it, a candidate that misses a stage of ``MEASURE``
    or cannot come near the champion any more is ``DROPPED``. ``case`` is the holdout's.
    ``stop`` is asked at least every 0.1 s; when it answers true everything is ended at once and the cause is
    "stopped". Whatever the candidate or the evaluator does becomes an outcome: cause "ok", or for ``FAILED``
    "candidate_error", "crash", "timeout", "memory", "file_limit", "cpu_limit", "output_flood", "protocol",
    "evaluator_error", "evaluation_error", "no_score", "incorrect", "tampered", "evaluator_changed" or "stopped", and
    for ``BLOCKED`` "sandbox_violation". Safe to call from any thread.
    Raises SandboxUnavailable when this machine cannot isolate the candidate: then nothing has run.
    """
    evaluate = native.evaluate if task.manifest.evaluate.isolation == "separate" else cooperative.evaluate

    def once(leg: Leg, case: int) -> Verdict:
        return supervised(lambda supervisor: evaluate(supervisor, task, files, leg=leg, seed=seed, case=case), stop)

    started_at = time.monotonic()
    course = Course(task.manifest, once, champion if stage is Stage.MEASURE else ())
    try:
        verdict = course.run(legs(task.manifest, stage, case))
    except Stopped:
        verdict = failed("stopped", STOPPED_MESSAGE)
    return _measurement(task, verdict, course.steps, spawn.used(), time.monotonic() - started_at)


def supervised(work: Callable[[Supervisor], Answered], stop: Callable[[], bool] | None) -> Answered:
    """Do work that starts sandboxes, and once more when nothing could begin.

    Raises Stopped when ``stop`` answered true, and SandboxUnavailable when this machine cannot isolate as asked.
    """
    level, found = spawn.used(), levels.probe()
    if found.level < level:
        raise SandboxUnavailable(levels.explain(found, level))
    if level == spawn.FULL:
        levels.try_zygotes()

    def once() -> Answered:
        with Supervisor(stop) as supervisor:
            return work(supervisor)

    try:
        return _without_a_lost_zygote(once)
    except Stopped:
        zygotes.retire_all()
        raise


def _without_a_lost_zygote(measured: Callable[[], Answered]) -> Answered:
    """Measure, and once more when nothing could begin: a zygote that was killed just then takes its job with it."""
    try:
        return measured()
    except SandboxUnavailable:
        if spawn.used() == spawn.FULL and not zygotes.allowed():
            raise
    zygotes.retire_all()
    return measured()


def _measurement(task: Task, verdict: Verdict, steps: Sequence[Step], level: int, seconds: float) -> Measurement:
    return Measurement(
        outcome=verdict.outcome,
        cause=verdict.cause,
        message=text.head(text.readable(verdict.message), MESSAGE_BYTES),
        metrics=verdict.metrics,
        feedback=text.head(text.readable(verdict.feedback), FEEDBACK_BYTES),
        log=text.tail(text.readable(verdict.log), LOG_BYTES),
        seconds=seconds,
        cpu_seconds=sum(ending.cpu_seconds for ending in verdict.endings),
        memory_mb=max((ending.memory_mb for ending in verdict.endings), default=0.0),
        level=level,
        isolation=task.manifest.evaluate.isolation,
        evaluator_digest=task.evaluator_digest,
        steps=tuple(steps),
    )
