"""The bin packing example in the real sandbox: what a rule is worth, and what is no rule at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.measurement import Measurement, Outcome, Stage, Task
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

FOLDER = Path(__file__).parents[2] / "examples" / "bin_packing"
IMPORTED = load(FOLDER)
TASK = Task(IMPORTED.manifest, IMPORTED.tree)
START = (FOLDER / "packing.py").read_text()
BEST_FIT = START.replace("return 0.0 * left", "return -left")
TIGHT_OR_ROOMY = START.replace(
    "return 0.0 * left", "return room * math.exp(-2.0 * left) + item / room * math.sqrt(left)"
)


def scored(program: str, stage: Stage = Stage.MEASURE, case: int = 0) -> Measurement:
    """Measure one program."""
    return measure(TASK, {"packing.py": program}, stage=stage, seed=1, case=case)


def excess(program: str, stage: Stage = Stage.MEASURE, case: int = 0) -> float:
    """Return the excess over the bound in per cent."""
    return scored(program, stage, case).metrics["excess"]


def test_rules_are_worth_what_is_known_of_them() -> None:
    assert 4.0 < excess(START) < 4.8
    assert 3.7 < excess(BEST_FIT) < excess(START)
    assert excess(TIGHT_OR_ROOMY) < 1.5


def test_the_holdout_asks_for_other_numbers_of_items() -> None:
    found = [excess(TIGHT_OR_ROOMY, Stage.HOLDOUT, case) for case in range(5)]
    assert len(set(found)) == 5
    assert max(found) < 6


def test_a_rule_that_opens_a_bin_for_each_item_is_dropped_at_the_short_list() -> None:
    wasteful = START.replace("return 0.0 * left", "return left")
    champion = scored(START)
    result = measure(TASK, {"packing.py": wasteful}, stage=Stage.MEASURE, seed=1, champion=champion.steps)
    assert (result.outcome, [step.stage for step in result.steps]) == (Outcome.DROPPED, ["short"])
    assert result.message.startswith("Dropped at stage short: excess is 1")
    assert [step.stage for step in champion.steps] == ["short", "measure"]


@pytest.mark.parametrize(
    ("cheat", "message"),
    [("sorts_first", "depends on items that come later"), ("loses_items", "a bin for each of 500 items")],
)
def test_cheats_fail(cheat: str, message: str) -> None:
    result = scored((FOLDER / "cheats" / f"{cheat}.py").read_text())
    assert (result.outcome, message in result.message) == (Outcome.FAILED, True)


def test_bins_that_are_too_full_fail() -> None:
    overfull = START.replace("best_room - item, [])", "best_room - item // 2, [])")
    result = scored(overfull)
    assert (result.outcome, "more than 100" in result.message) == (Outcome.FAILED, True)
