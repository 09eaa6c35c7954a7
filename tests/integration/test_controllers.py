"""The examples with Gymnasium's environments in the real sandbox: what controllers are worth, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.budget import Budget
from improvement.engine.measurement import Measurement, Outcome, Stage, Task
from improvement.engine.packages import find_builtin
from improvement.offline import Plan, improve
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

EXAMPLES = Path(__file__).parents[2] / "examples"
BALANCES = "def weights(): return [[0.0, 0.0, 0.0, 0.0], [0.1, 0.5, 1.0, 1.0]]"
PUMPS = "def weights(): return [[0.0] * 5 + [-1.0], [0.0] * 6, [0.0] * 5 + [1.0]]"


def scored(example: str, controller: str | None = None, stage: Stage = Stage.MEASURE, case: int = 0) -> Measurement:
    """Measure a controller, or the example's own."""
    imported = load(EXAMPLES / example)
    task = Task(imported.manifest, imported.tree)
    files = {"controller.py": controller} if controller else task.editable
    return measure(task, files, stage=stage, seed=1, case=case)


@pytest.mark.parametrize(
    ("example", "metric", "start", "good", "least"),
    [("cartpole", "steps", 9.3, BALANCES, 300), ("acrobot", "reward", -500.0, PUMPS, -200)],
)
def test_controllers_are_worth_what_the_episodes_give(
    example: str, metric: str, start: float, good: str, least: float
) -> None:
    assert scored(example).metrics == {metric: pytest.approx(start, abs=1)}
    measured = scored(example, good)
    assert measured.metrics[metric] >= least
    assert scored(example, good).metrics == measured.metrics
    held_out = [scored(example, good, Stage.HOLDOUT, case).metrics[metric] for case in range(2)]
    assert min(held_out) >= least
    assert example == "cartpole" or held_out[0] != held_out[1]


@pytest.mark.parametrize("example", ["cartpole", "acrobot"])
@pytest.mark.parametrize("controller", ["cheats/returns_scores.py", None])
def test_what_is_no_controller_fails(example: str, controller: str | None) -> None:
    text = (EXAMPLES / example / controller).read_text() if controller else "def weights(): return [[True]]"
    result = scored(example, text)
    assert (result.outcome, result.metrics, "weights" in result.message) == (Outcome.FAILED, {}, True)


def test_a_short_run_finds_a_controller_that_balances() -> None:
    imported = load(EXAMPLES / "cartpole")
    package = find_builtin("policy")
    result = improve(Plan(Task(imported.manifest, imported.tree), package, package.settings({}), Budget.of(85), 1))
    assert result.best.score is not None
    assert result.best.score > 200
