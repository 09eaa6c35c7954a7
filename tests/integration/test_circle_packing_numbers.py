"""The circle packing by numbers in the real sandbox: what the start is worth, what its numbers do, and its cheats."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.measurement import Measurement, Outcome, Stage, Task
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

FOLDER = Path(__file__).parents[2] / "examples" / "circle_packing_numbers"
IMPORTED = load(FOLDER)
TASK = Task(IMPORTED.manifest, IMPORTED.tree)
START = (FOLDER / "packing.py").read_text()


def scored(program: str, stage: Stage = Stage.MEASURE, case: int = 0) -> Measurement:
    """Measure one program."""
    return measure(TASK, {"packing.py": program}, stage=stage, seed=1, case=case)


def total(program: str, stage: Stage = Stage.MEASURE, case: int = 0) -> float:
    """Return the sum of radii."""
    measured = scored(program, stage, case)
    assert measured.outcome is Outcome.OK, measured.message
    return measured.metrics["score"]


def test_the_start_scores_what_is_documented_and_the_same_again() -> None:
    assert total(START) == pytest.approx(2.5, abs=1e-6)
    assert total(START) == total(START)


def test_circles_that_are_moved_elsewhere_find_more_room() -> None:
    moved = START.replace("MOVES = 0", "MOVES = 6")
    assert 2.6 < total(moved) < 2.636
    assert all(2.5 < total(moved, Stage.HOLDOUT, case) < 2.7 for case in range(5))


@pytest.mark.parametrize("cheat", ["same_circle", "extra_circles"])
def test_a_known_cheat_does_not_pay(cheat: str) -> None:
    assert total((FOLDER / "cheats" / f"{cheat}.py").read_text()) == 0.0


def test_every_declared_number_stands_in_the_program() -> None:
    assert {one.name for one in IMPORTED.manifest.parameters} == {
        line.split(" = ")[0] for line in START.splitlines() if line[:1].isupper() and " = " in line
    } - {"NEAR"}
