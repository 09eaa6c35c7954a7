"""The stream example in the real sandbox: what rules are worth, and a short run that finds a better one."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.budget import Budget
from improvement.engine.measurement import Outcome, Stage, Task
from improvement.engine.packages import find_builtin
from improvement.offline import Plan, improve
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "stream"


@pytest.fixture(scope="module")
def task() -> Task:
    """The example as a run has it."""
    imported = load(EXAMPLE)
    return Task(imported.manifest, imported.tree)


def test_the_start_is_measured_alike_each_time_and_the_holdout_by_case(task: Task) -> None:
    once, again = (measure(task, task.editable, stage=Stage.MEASURE, seed=1) for _ in "12")
    assert (once.outcome, once.metrics) == (Outcome.OK, again.metrics)
    assert once.metrics["accuracy"] == pytest.approx(74, abs=4)
    held_out = [measure(task, task.editable, stage=Stage.HOLDOUT, seed=1, case=case) for case in range(3)]
    assert len({one.metrics["accuracy"] for one in held_out}) == 3


def test_a_short_run_confirms_a_rule_that_follows_better(task: Task) -> None:
    package = find_builtin("online")
    result = improve(Plan(task, package, package.settings({}), Budget.of(32), 1))
    assert result.champion.score is not None
    assert result.start.score is not None
    assert result.champion.score > result.start.score + 2
