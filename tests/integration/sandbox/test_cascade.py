"""Stages and cases in the real sandbox: each in one of its own, put together to one answer."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pytest

from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Measurement, Outcome, Stage, Step, Task
from improvement.sandbox.measure import measure
from tests.integration.sandbox.small_targets import native, openevolve

EVALUATOR = """
def evaluate(candidate, *, seed, stage, case):
    found = candidate.call("answer", stage, case)
    return {"metrics": {"score": found, "case": case}, "feedback": f"{stage} {case} {seed}"}
"""
STAGES = """
[[evaluate.stages]]
name = "quick"
threshold = 5
cases = 2
seconds = 1
"""
QUICK = Step("quick", 2, (6.0, 6.0), 5.0)
WHOLE = Step("measure", 3, (6.0, 6.0, 6.0))


def _staged(task: Task, evaluate: str, stages: str = STAGES) -> Task:
    """Return a task whose manifest has these lines more."""
    text = task.manifest.text.replace("[metrics.", f"{evaluate}\n{stages}\n[metrics.", 1)
    return Task(parse_manifest(text), {**task.tree, "countersign.toml": text.encode()})


def _measured(
    task: Task, body: str, *, champion: Sequence[Step] = (QUICK, WHOLE), stage: Stage = Stage.MEASURE
) -> Measurement:
    path = task.manifest.edit_files[0]
    solution = f"def answer(stage, case):\n{textwrap.indent(body, '    ')}\n"
    return measure(task, {path: solution}, stage=stage, seed=4, champion=champion)


def test_stages_come_first_and_the_cases_of_the_full_measurement_are_the_score() -> None:
    task = _staged(native(EVALUATOR), "cases = 3")
    result = _measured(task, "return 7 if stage == 'quick' else case")
    assert (result.outcome, dict(result.metrics)) == (Outcome.OK, {"score": 1.0, "case": 1.0}), result
    assert result.steps == (Step("quick", 2, (7.0, 7.0), 5.0), Step("measure", 3, (0.0, 1.0, 2.0)))
    said = [
        "quick, case 1] quick 0",
        "quick, case 2] quick 1",
        *(f"measure, case {n + 1}] measure {n}" for n in range(3)),
    ]
    assert result.feedback.splitlines() == [f"[{line} 4" for line in said]


def test_a_missed_stage_ends_the_measurement_there_and_costs_what_it_cost() -> None:
    task = _staged(native(EVALUATOR), "cases = 3")
    result = _measured(task, "return 4 if stage == 'quick' else 1 / 0")
    assert (result.outcome, result.cause, dict(result.metrics)) == (Outcome.DROPPED, "dropped", {})
    assert result.message == "Dropped at stage quick: score is 4, and 5 is needed."
    assert result.steps == (Step("quick", 2, (4.0, 4.0), 5.0),)
    assert result.feedback.splitlines()[-1] == "[quick, case 2] quick 1 4"
    assert result.cpu_seconds > 0


@pytest.mark.parametrize("stage", [Stage.CONFIRM, Stage.SCREEN])
def test_other_evaluations_are_whole_whatever_the_champion_did(stage: Stage) -> None:
    task = _staged(native(EVALUATOR), "cases = 4\ngive_up = 0\nrace = 3")
    result = _measured(task, "return 0", stage=stage, champion=(QUICK, Step(str(stage), 4, (6.0, 6.0, 6.0, 6.0))))
    assert (result.outcome, result.steps) == (Outcome.OK, (Step(str(stage), 4, (0.0, 0.0, 0.0, 0.0)),))


def test_what_loses_every_case_is_given_up() -> None:
    task = _staged(native(EVALUATOR), "cases = 4\ngive_up = 0\nrace = 3", "")
    result = _measured(task, "return 5", champion=(Step("measure", 4, (6.0, 6.0, 6.0, 6.0)),))
    assert result.message == "Dropped after 3 of 4 cases: worse than the champion by more than 0 in each of them."
    assert result.steps == (Step("measure", 4, (5.0, 5.0, 5.0)),)


def test_the_champion_is_measured_to_its_end() -> None:
    result = _measured(_staged(native(EVALUATOR), "cases = 3"), "return 0", champion=())
    assert [step.score for step in result.steps] == [0.0, 0.0]
    assert result.outcome is Outcome.OK


def test_a_failure_at_a_stage_is_named_with_it() -> None:
    task = _staged(native(EVALUATOR), "cases = 3")
    result = _measured(task, "while stage == 'quick': pass\nreturn 1")
    assert (result.outcome, result.cause) == (Outcome.FAILED, "timeout"), result
    assert result.message.startswith("At stage quick: ")
    assert "did not answer within 0." in result.message
    assert result.steps == (Step("quick", 2, (), 5.0),)


OPENEVOLVE = """
def evaluate_stage1(program_path):
    return {"runs": 1.0, "speed": load(program_path) / 10, "artifacts": {"trace": "first"}}

def evaluate_stage2(program_path):
    return {"speed": load(program_path), "artifacts": {"trace": "second"}}

def evaluate(program_path):
    raise RuntimeError("not with stages")

def load(program_path):
    names = {}
    exec(open(program_path).read(), names)
    return float(names["VALUE"])
"""
STAGE1 = '[[evaluate.stages]]\nname = "evaluate_stage1"\nthreshold = 0.6\n'


@pytest.mark.parametrize("stage", [Stage.MEASURE, Stage.CONFIRM])
def test_openevolve_stages_add_up_and_their_artifacts_are_kept(stage: Stage) -> None:
    task = _staged(openevolve(OPENEVOLVE), "", STAGE1)
    result = measure(task, {"initial_program.py": "VALUE = 4"}, stage=stage, seed=1)
    assert dict(result.metrics) == {"runs": 1.0, "speed": 4.0, "combined_score": 2.5}, result
    assert [step.score for step in result.steps] == [0.7, 2.5]
    assert ("first" in result.feedback, "second" in result.feedback) == (True, True)


def test_openevolve_threshold_is_against_the_mean_of_what_a_stage_returned() -> None:
    task = _staged(openevolve(OPENEVOLVE), "", STAGE1)
    champion = (Step("evaluate_stage1", 1, (0.7,), 0.6), Step("measure", 1, (2.5,)))
    result = measure(task, {"initial_program.py": "VALUE = 1"}, stage=Stage.MEASURE, seed=1, champion=champion)
    assert result.message == "Dropped at stage evaluate_stage1: combined_score is 0.55, and 0.6 is needed."
    assert "trace: first" in result.feedback
