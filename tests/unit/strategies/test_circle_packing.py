"""The circle packing example: the start's score, what the rules refuse, cheats, and the holdout."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from improvement.engine.manifest import parse_manifest
from tests.unit.strategies.loading import EXAMPLE, modules
from tests.unit.strategies.programs import run

evaluator, holdout, rules = modules(EXAMPLE, "evaluator", "holdout", "rules")
START = (EXAMPLE / "packing.py").read_text()
MANIFEST = parse_manifest((EXAMPLE / "countersign.toml").read_text())


class Candidate:
    """A program whose functions are called by name; answers pass through JSON as they do between sandboxes."""

    def __init__(self, text: str) -> None:
        self.names = run(text)

    def call(self, name: str, *arguments: Any) -> Any:
        return json.loads(json.dumps(self.names[name](*arguments)))


def score(text: str) -> float:
    """Return what the evaluator gives a program."""
    return evaluator.evaluate(Candidate(text), seed=1, stage="measure", case=0)["metrics"]["score"]


def holdout_scores(text: str) -> list[float]:
    """Return what the holdout gives a program, case by case."""
    cases = range(MANIFEST.holdout.cases if MANIFEST.holdout else 0)
    return [holdout.evaluate(Candidate(text), seed=1, stage="holdout", case=c)["metrics"]["score"] for c in cases]


def test_the_start_scores_what_is_documented() -> None:
    assert f"{score(START):.6f}" == "0.959764"


def test_the_start_is_valid_and_similar_for_other_numbers() -> None:
    assert len(holdout_scores(START)) == 5
    assert all(0.9 < value < 1.1 for value in holdout_scores(START))


@pytest.mark.parametrize("name", [cheat.name for cheat in MANIFEST.cheats])
def test_a_known_cheat_does_not_pay(name: str) -> None:
    cheat = next(cheat for cheat in MANIFEST.cheats if cheat.name == name)
    assert score((EXAMPLE / cheat.files["packing.py"]).read_text()) == 0.0


def test_coordinates_made_for_26_pay_nothing_on_the_holdout() -> None:
    circles = Candidate(START).call("construct", 26)
    hard_coded = f"def construct(n):\n    return {circles!r}\n"
    assert score(hard_coded) == score(START)
    assert holdout_scores(hard_coded) == [0.0] * 5


GOOD = [[0.25, 0.25, 0.25], [0.75, 0.75, 0.25]]


@pytest.mark.parametrize(
    ("circles", "why"),
    [
        ("nothing", "must return a list"),
        (GOOD[:1], "must return 2 circles; it returned 1"),
        ([*GOOD, [0.75, 0.25, 0.1]], "must return 2 circles; it returned 3"),
        ([GOOD[0], [0.75, 0.75]], "Circle 1 must be a list of three numbers"),
        ([GOOD[0], (0.75, 0.75, 0.25)], "Circle 1 must be a list of three numbers"),
        ([GOOD[0], [0.75, 0.75, True]], "not a finite number"),
        ([GOOD[0], [0.75, 0.75, "0.25"]], "not a finite number"),
        ([GOOD[0], [0.75, 0.75, math.nan]], "not a finite number"),
        ([GOOD[0], [0.75, 0.75, math.inf]], "not a finite number"),
        ([GOOD[0], [0.75, 0.75, -0.25]], "Circle 1 has the negative radius -0.250000"),
        ([GOOD[0], [0.76, 0.75, 0.25]], "Circle 1 stands out of the square by 0.010000"),
        ([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]], "Circles 0 and 1 overlap by 1.000000"),
    ],
)
def test_a_broken_rule_scores_nothing_and_is_named(circles: Any, why: str) -> None:
    verdict = rules.judge(circles, 2)
    assert verdict.total == 0.0
    assert why in verdict.feedback


def test_a_number_or_list_of_a_type_of_its_own_is_refused() -> None:
    class Sly(float):
        def __lt__(self, other: object) -> bool:
            return False

    assert rules.judge([GOOD[0], [0.75, 0.75, Sly(9.0)]], 2).total == 0.0


def test_circles_that_touch_are_allowed() -> None:
    assert rules.judge([[0.25, 0.5, 0.25], [0.75, 0.5, 0.25]], 2).total == 0.5


def test_the_manifest_names_the_bound_and_the_editable_file() -> None:
    assert MANIFEST.primary.bound == 2.636
    assert MANIFEST.edit_files == ("packing.py",)
    assert len(MANIFEST.cheats) == 2
