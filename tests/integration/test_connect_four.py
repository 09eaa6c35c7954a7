"""The Connect Four example in the real sandbox: a few proposals make a stronger player, and cheats are no way there."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.budget import Budget
from improvement.engine.cheats import cheat_files
from improvement.engine.generation import score_of
from improvement.engine.measurement import Stage, Task
from improvement.engine.packages import find_package
from improvement.offline import Plan, improve
from improvement.sandbox.measure import measure
from improvement.targets.importing import load


@pytest.fixture(scope="module")
def task() -> Task:
    imported = load(Path(__file__).parents[2] / "examples" / "connect_four")
    return Task(imported.manifest, imported.tree)


def test_a_small_run_finds_a_stronger_player(task: Task) -> None:
    package = find_package("parameters")
    budget = Budget(evaluations=8, seconds=None, allowance=0)
    result = improve(Plan(task, package, package.settings({}), budget, seed=1))
    assert result.evaluations == 8
    assert {tried.outcome for tried in result.history} == {"ok"}
    assert result.best.score > result.start.score + 100


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("thinks_longer", "where its own settings and 40 nodes lead to column"),
        ("other_settings", "where its own settings and 40 nodes lead to column"),
        ("passes", "is full"),
        ("moves_stones", "is no column"),
    ],
)
def test_a_cheat_is_refused_and_told_why(task: Task, name: str, why: str) -> None:
    cheat = next(cheat for cheat in task.manifest.cheats if cheat.name == name)
    measured = measure(task, cheat_files(task, cheat), stage=Stage.SCREEN, seed=0)
    assert score_of(task.manifest, measured) is None
    assert why in measured.message
