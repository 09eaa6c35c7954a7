"""Legs and steps of one measurement, and when a candidate goes no further."""

from __future__ import annotations

import dataclasses

import pytest

from improvement.engine.cascade import Leg, Step, legs, read_steps, why_dropped
from improvement.engine.manifest import Manifest, parse_manifest
from improvement.engine.measurement import Stage
from improvement.exceptions import ManifestError

HEAD = """
[target]
name = "small"
[edit]
files = ["solution.py"]
[evaluate]
module = "evaluator.py"
seconds = 9
"""
TWO_STAGES = """
[[evaluate.stages]]
name = "smoke"
threshold = 1
seconds = 2
[[evaluate.stages]]
name = "quick"
threshold = 10
cases = 4
"""


def manifest(evaluate: str = "", stages: str = "", metric: str = 'better = "higher"') -> Manifest:
    return parse_manifest(f"{HEAD}{evaluate}\n{stages}\n[metrics.score]\n{metric}\n")


def test_legs_of_a_measurement_are_the_stages_in_their_order_and_then_all_cases() -> None:
    staged = manifest("cases = 3", TWO_STAGES)
    whole = (0, 1, 2)
    assert legs(staged, Stage.MEASURE, 0) == (
        Leg("smoke", (0,), 2.0, 1.0),
        Leg("quick", (0, 1, 2, 3), 9.0, 10.0),
        Leg("measure", whole, 9.0),
    )
    assert legs(staged, Stage.CONFIRM, 0) == (Leg("confirm", whole, 9.0),)
    assert legs(staged, Stage.SCREEN, 0) == (Leg("screen", whole, 9.0),)
    assert legs(staged, Stage.HOLDOUT, 7) == (Leg("holdout", (7,), 9.0),)


def test_legs_of_openevolve_stages_call_one_function_after_the_other_wherever_they_are_measured() -> None:
    stages = '[[evaluate.stages]]\nname = "evaluate_stage1"\nthreshold = 0.5\n'
    staged = manifest('isolation = "cooperative"\nprotocol = "openevolve"', stages)
    for stage in (Stage.MEASURE, Stage.CONFIRM, Stage.SCREEN):
        functions = [(leg.stage, leg.function) for leg in legs(staged, stage, 0)]
        assert functions == [("evaluate_stage1", "evaluate_stage1"), (str(stage), "evaluate_stage2")]


def test_longest_seconds_count_every_case_of_every_stage() -> None:
    assert manifest("cases = 3", TWO_STAGES).evaluate.longest_seconds == 3 * 9 + 2 + 4 * 9


def test_a_step_has_a_score_once_all_its_cases_have() -> None:
    step = Step("quick", 2, (1.0, 4.0), 3.0)
    assert (step.score, Step("quick", 2, (1.0,)).score) == (2.5, None)
    assert read_steps([dataclasses.asdict(step)]) == (step,)


QUICK = Leg("quick", (0, 1, 2, 3), 9.0, 10.0)
PASSES = (Step("quick", 4, (11.0, 9.0, 10.0, 10.0), 10.0),)


@pytest.mark.parametrize(
    ("metric", "scores", "said"),
    [
        ('better = "higher"', (9, 9, 9, 9), "Dropped at stage quick: score is 9, and 10 is needed."),
        ('better = "higher"', (9, 10, 11, 10), ""),
        ('better = "higher"', (0, 0, 0), ""),
        (
            'better = "higher"\nbound = 12',
            (5, 4),
            "Dropped at stage quick after 2 of 4 cases: score cannot reach 10 any more (8.25 at best).",
        ),
        ('better = "higher"\nbound = 12', (8, 8), ""),
        ('better = "higher"\nbound = 12', (13, 0, 0), ""),
        ('better = "lower"', (11, 11, 11, 11), "Dropped at stage quick: score is 11, and 10 is needed."),
        (
            'better = "lower"\nbound = 0',
            (41,),
            "Dropped at stage quick after 1 of 4 cases: score cannot reach 10 any more (10.25 at best).",
        ),
        ('better = "lower"\nbound = 0', (40,), ""),
    ],
)
def test_a_stage_drops_what_misses_its_threshold_as_soon_as_that_is_certain(
    metric: str, scores: tuple[float, ...], said: str
) -> None:
    assert why_dropped(manifest(stages=TWO_STAGES, metric=metric), QUICK, scores, PASSES) == said


def test_a_stage_that_the_champion_misses_drops_nobody() -> None:
    staged = manifest(stages=TWO_STAGES)
    missed = (dataclasses.replace(PASSES[0], scores=(9.0, 9.0, 9.0, 9.0)),)
    assert why_dropped(staged, QUICK, (0, 0, 0, 0), missed) == ""
    assert why_dropped(staged, QUICK, (0, 0, 0, 0), ()) == "", "the champion itself is measured so"


MEASURE = Leg("measure", tuple(range(6)), 9.0)
CHAMPION = (Step("measure", 6, (10.0, 12.0, 8.0, 10.0, 9.0, 11.0)),)


@pytest.mark.parametrize(
    ("evaluate", "metric", "scores", "said"),
    [
        (
            "cases = 6\ngive_up = 1",
            "bound = 12",
            (0, 5),
            "Dropped after 2 of 6 cases: score cannot come within 1 of the champion's 10 any more (8.83333 at best).",
        ),
        ("cases = 6\ngive_up = 1", "bound = 12", (1, 5), ""),
        ("cases = 6\ngive_up = 1", "bound = 12", (0, 0, 0, 0, 0, 0), ""),
        ("cases = 6", "bound = 12", (0, 0), ""),
        (
            "cases = 6\ngive_up = 0.5\nrace = 3",
            "",
            (9, 11, 7),
            "Dropped after 3 of 6 cases: worse than the champion by more than 0.5 in each of them.",
        ),
        ("cases = 6\ngive_up = 0.5\nrace = 3", "", (9, 11.5, 7), ""),
        ("cases = 6\ngive_up = 0.5\nrace = 3", "", (9, 11, 7, 9), ""),
    ],
)
def test_give_up_drops_what_cannot_come_near_the_champion_and_what_loses_every_case(
    evaluate: str, metric: str, scores: tuple[float, ...], said: str
) -> None:
    declared = manifest(evaluate, metric=f'better = "higher"\n{metric}')
    assert why_dropped(declared, MEASURE, scores, CHAMPION) == said


def test_an_equal_of_the_champion_is_never_given_up() -> None:
    declared = manifest("cases = 6\ngive_up = 0\nrace = 3", metric='better = "lower"\nbound = 0.1')
    champion = (Step("measure", 6, (0.1, 0.2, 0.3, 0.7, 0.1, 0.2)),)
    for done in range(1, 7):
        assert why_dropped(declared, MEASURE, champion[0].scores[:done], champion) == ""


@pytest.mark.parametrize(
    ("evaluate", "stages", "said"),
    [
        ("", '[[evaluate.stages]]\nname = "quick"\n', "evaluate.stages[1].threshold is missing. Add it."),
        (
            "",
            '[[evaluate.stages]]\nname = "quick"\nlimit = 3\n',
            "evaluate.stages[1].limit is not a known key. Known keys are name, threshold, cases, seconds.",
        ),
        (
            "",
            '[[evaluate.stages]]\nname = "confirm"\nthreshold = 3\n',
            'evaluate.stages cannot hold a stage "confirm". Use a word of its own, not one of '
            "screen, measure, confirm, holdout.",
        ),
        (
            "",
            2 * '[[evaluate.stages]]\nname = "quick"\nthreshold = 3\n',
            'evaluate.stages cannot hold a stage "quick". Use a word of its own, not one of '
            "screen, measure, confirm, holdout.",
        ),
        ("stages = 3", "", "evaluate.stages has to be a list; found 3."),
        ("stages = [3]", "", "evaluate.stages has to be tables. Write each as [[evaluate.stages]]."),
        (
            "stages = []",
            "",
            "evaluate.stages has to be 1 to 8 tables. Leave it out, or write each as [[evaluate.stages]].",
        ),
        (
            'isolation = "cooperative"\nprotocol = "shinka"',
            TWO_STAGES,
            "evaluate.stages cannot be used with the protocol shinka. Remove them.",
        ),
        (
            'isolation = "cooperative"\nprotocol = "openevolve"',
            TWO_STAGES,
            'evaluate.stages has to name "evaluate_stage1" at place 1; found "smoke".',
        ),
        (
            "give_up = 1",
            "",
            "evaluate.give_up needs several cases to give up between. Write cases = 8, for instance.",
        ),
        ("cases = 4\nrace = 3", "", "evaluate.race needs give_up beside it, and has to be less than cases."),
        (
            "cases = 4\ngive_up = 1\nrace = 4",
            "",
            "evaluate.race needs give_up beside it, and has to be less than cases.",
        ),
        (
            "cases = 4\ngive_up = 1",
            "",
            "evaluate.give_up can tell nothing before the last case: nothing bounds score. "
            "Declare metrics.score.bound, or say after how many lost cases in evaluate.race.",
        ),
    ],
)
def test_a_mistake_in_stages_or_cases_is_one_clear_line(evaluate: str, stages: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        manifest(evaluate, stages)
    assert caught.value.message == f"countersign.toml: {said}"
