"""Small targets made of text, for tests with the real sandbox."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Measurement, Stage, Task
from improvement.sandbox.measure import measure

MANIFEST = """
[target]
name = "small"
[edit]
files = [{edit}]
[evaluate]
module = "evaluator.py"
isolation = "{isolation}"
protocol = "{protocol}"
seconds = {seconds}
memory_mb = {memory_mb}
visible = [{visible}]
[metrics.{metric}]
better = "higher"
[holdout]
module = "holdout.py"
"""
DOUBLES = """
from countersign import CandidateFailed

def evaluate(candidate, *, seed, stage, case):
    wanted = {1: 2, 7: 14, 100: 200}
    right, failures = 0, []
    for number, expected in wanted.items():
        try:
            right += candidate.call("double", number) == expected
        except CandidateFailed as error:
            failures.append(str(error))
    return {"metrics": {"score": right}, "feedback": " | ".join(failures)}
"""
"""Scores ``double`` on three cases; a case that fails is worth nothing, and its failure is the feedback."""

ONCE = """
def evaluate(candidate, *, seed, stage, case):
    return {"score": candidate.call("answer")}
"""


def native(
    evaluator: str = DOUBLES,
    *,
    edit: tuple[str, ...] = ("solution.py",),
    visible: tuple[str, ...] = (),
    seconds: float = 5.0,
    memory_mb: int = 256,
    more: Mapping[str, str] | None = None,
) -> Task:
    """Return a target with its evaluator in a sandbox of its own."""
    return _task(
        evaluator,
        {"isolation": "separate", "protocol": "countersign", "metric": "score"},
        edit,
        visible,
        seconds,
        memory_mb,
        more,
    )


def openevolve(
    evaluator: str, *, seconds: float = 10.0, memory_mb: int = 512, more: Mapping[str, str] | None = None
) -> Task:
    """Return a target in OpenEvolve's form: ``evaluate(program_path)``."""
    kind = {"isolation": "cooperative", "protocol": "openevolve", "metric": "combined_score"}
    return _task(evaluator, kind, ("initial_program.py",), (), seconds, memory_mb, more)


def _task(
    evaluator: str,
    kind: Mapping[str, str],
    edit: tuple[str, ...],
    visible: tuple[str, ...],
    seconds: float,
    memory_mb: int,
    more: Mapping[str, str] | None,
) -> Task:
    text = MANIFEST.format(
        edit=", ".join(f'"{path}"' for path in edit),
        visible=", ".join(f'"{path}"' for path in visible),
        seconds=seconds,
        memory_mb=memory_mb,
        **kind,
    )
    files = {
        "countersign.toml": text,
        "evaluator.py": textwrap.dedent(evaluator),
        "holdout.py": "def evaluate(*args, **kwargs):\n    return {'score': 42, 'combined_score': 42}\n",
        edit[0]: "",
        **(more or {}),
    }
    return Task(parse_manifest(text), {path: textwrap.dedent(file).encode() for path, file in files.items()})


def measured(task: Task, solution: str, *, stage: Stage = Stage.MEASURE, seed: int = 1, case: int = 0) -> Measurement:
    """Measure one text as the target's first editable file."""
    path = task.manifest.edit_files[0]
    return measure(task, {path: textwrap.dedent(solution)}, stage=stage, seed=seed, case=case)
