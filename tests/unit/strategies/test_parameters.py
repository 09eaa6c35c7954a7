"""The parameters strategy: where values stand, what is written, and that it finds better ones."""

from __future__ import annotations

import json
import tomllib
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from tests.unit.strategies.loading import PACKAGES, PackageProcess, init, modules, result
from tests.unit.strategies.programs import REGRESSION, TUNABLE, TUNABLE_SPACE, knobs_score, run

sites, space, steps, tuner = modules(PACKAGES / "parameters", "kit.sites", "space", "steps", "tuner")

SETTINGS_TOML = '# settings\nrate = 0.1  # the step\nkind = "flat"\n\n[model]\nrate = 0.5\ndepth = 4\ndeep = true\n'
SETTINGS_JSON = '{\n  "rate": 0.1,\n  "note": "rate: 0.1",\n  "model": {"rate": 0.5, "depth": 4}\n}\n'


def tuning(files: dict[str, str], **task: Any) -> Any:
    """Return a tuner of these files."""
    message = init(files, **task)["task"]
    return tuner.Tuner(message, task.get("seed", 1), tuner.Settings(**task.get("settings", {})))


def test_an_assignment_at_module_level_is_found_and_nothing_else_changes() -> None:
    files = {"knobs.py": TUNABLE}
    values = {sites.find("RATE", files): 0.02, sites.find("DEPTH", files): 9, sites.find("OFFSET", files): -1.5}
    expected = TUNABLE.replace("0.3  #", "0.02  #").replace("int = 4", "int = 9").replace("-0.5", "-1.5")
    assert sites.write(files, values) == {"knobs.py": expected}


def test_a_choice_is_written_as_a_string() -> None:
    files = {"knobs.py": TUNABLE}
    assert run(sites.write(files, {sites.find("KIND", files): "steep"})["knobs.py"])["KIND"] == "steep"


@pytest.mark.parametrize(
    ("path", "text", "load"), [("s.toml", SETTINGS_TOML, tomllib.loads), ("s.json", SETTINGS_JSON, json.loads)]
)
def test_keys_and_dotted_keys_are_found_where_they_stand(path: str, text: str, load: Any) -> None:
    files = {path: text}
    made = sites.write(files, {sites.find("rate", files): 0.7, sites.find("model.depth", files): 8})[path]
    assert load(made) == {**load(text), "rate": 0.7, "model": {**load(text)["model"], "depth": 8}}
    assert len(made) == len(text)


def test_a_truth_value_in_toml_is_written_as_one() -> None:
    files = {"s.toml": SETTINGS_TOML}
    made = sites.write(files, {sites.find("model.deep", files): False})
    assert tomllib.loads(made["s.toml"])["model"]["deep"] is False


def test_a_parameter_that_is_nowhere_is_answered_with_one_clear_sentence() -> None:
    with PackageProcess("parameters") as process:
        answer = process.request(init({"knobs.py": "x = 1\n"}, space=TUNABLE_SPACE))
    message = "No editable file sets the parameter 'RATE': write RATE = <value> at module level or as a key."
    assert answer == {"type": "error", "message": message}


def test_an_unknown_sampler_is_answered_with_one_clear_sentence() -> None:
    with PackageProcess("parameters") as process:
        answer = process.request(init({"knobs.py": TUNABLE}, parameters={"sampler": "guess"}))
    assert answer == {"type": "error", "message": "The setting sampler is 'guess': use tpe, cmaes or nsgaii."}


def test_without_a_space_the_numbers_of_the_block_are_tuned_and_the_rest_stays() -> None:
    assert [site.value for site in sites.literals({"p.py": REGRESSION}, 30)] == [0.5, 0.25]
    made = [proposal["files"]["p.py"] for proposal in tuning({"p.py": REGRESSION}, score=1.0).ask(8)]
    assert len(set(made)) == 8
    for text in made:
        assert text.partition("# EVOLVE-BLOCK-START")[0] == REGRESSION.partition("# EVOLVE-BLOCK-START")[0]
        assert text.partition("# EVOLVE-BLOCK-END")[2] == REGRESSION.partition("# EVOLVE-BLOCK-END")[2]


@pytest.mark.parametrize(("value", "low", "high"), [(5, 1, 20), (0.0, -1.0, 1.0), (2.0, 0.0, 4.0), (-2.0, -4.0, 0.0)])
def test_ranges_are_derived_from_a_number(value: float, low: float, high: float) -> None:
    limits = space.around(value)
    assert (limits.low, limits.high) == (low, high)
    assert type(limits.low) is type(value)


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_it_finds_better_values_in_the_direction_that_is_asked(sampler: str, better: str) -> None:
    sign = 1 if better == "higher" else -1
    start = knobs_score(TUNABLE)
    state = tuning(
        {"knobs.py": TUNABLE}, score=sign * start, space=TUNABLE_SPACE, better=better, settings={"sampler": sampler}
    )
    best = start
    for first in range(0, 96, 8):
        scores = [knobs_score(proposal["files"]["knobs.py"]) for proposal in state.ask(8)]
        state.tell([result(first + i, sign * score) for i, score in enumerate(scores)], [], None)
        best = max(best, *scores)
    assert best > 0.2 * start


def test_the_start_is_known_and_never_proposed_again() -> None:
    one_knob = [{"name": "DEPTH", "type": "int", "low": 3, "high": 6, "log": False, "choices": []}]
    state = tuning({"knobs.py": TUNABLE}, score=1.0, space=one_knob)
    depths = []
    while proposals := state.ask(1):
        depths.append(run(proposals[0]["files"]["knobs.py"])["DEPTH"])
        state.tell([result(len(depths) - 1, float(depths[-1]))], [], None)
    assert sorted(depths) == [3, 5, 6]


def test_failures_count_as_worse_than_anything_seen() -> None:
    state = tuning({"knobs.py": TUNABLE}, score=5.0, space=TUNABLE_SPACE)
    state.ask(3)
    state.tell([result(0, 3.0), result(1, None), result(2, None)], [], None)
    assert [trial.value for trial in state.search.study.get_trials()] == [5.0, 3.0, 2.8, 2.8]


def test_a_rejected_candidate_loses_its_score() -> None:
    state = tuning({"knobs.py": TUNABLE}, score=1.0, space=TUNABLE_SPACE)
    state.ask(2)
    state.tell([result(0, 9.0), result(1, 0.5)], [], None)
    state.tell([], [{"number": 0, "verdict": "rejected", "reason": "no"}], None)
    assert state.search.study.best_value == 1.0


def test_what_fresh_seeds_did_not_confirm_counts_as_the_start_does() -> None:
    state = tuning({"knobs.py": TUNABLE}, score=1.0, space=TUNABLE_SPACE)
    state.ask(3)
    state.tell([result(0, 9.0), result(1, 0.5), result(2, 3.0)], [], None)
    state.tell([], [{"number": number, "verdict": "unconfirmed", "reason": ""} for number in (0, 1)], None)
    assert [trial.value for trial in state.search.study.get_trials()] == [1.0, 1.0, 0.5, 3.0]


WEIGHT = {"name": "weight", "better": "lower", "guard": 2.0}
SIZE = {"name": "size", "better": "lower", "guard": None}


def test_a_guard_becomes_a_constraint_measured_against_the_start() -> None:
    state = tuning({"knobs.py": TUNABLE}, score=1.0, space=TUNABLE_SPACE, metrics=[WEIGHT], start={"weight": 5.0})
    state.ask(3)
    state.tell([result(0, 9.0, weight=9.0), result(1, 2.0, weight=6.0), result(2, None)], [], None)
    trials = state.search.study.get_trials()
    assert [trial.constraints for trial in trials] == [
        {"weight": -2.0},
        {"weight": 2.0},
        {"weight": -1.0},
        {"weight": float("inf")},
    ]
    assert state.search.study.best_value == 2.0


def test_a_guard_that_the_start_does_not_answer_constrains_nothing() -> None:
    state = tuning({"knobs.py": TUNABLE}, score=1.0, space=TUNABLE_SPACE, metrics=[WEIGHT])
    state.ask(1)
    state.tell([result(0, 9.0)], [], None)
    assert [trial.constraints for trial in state.search.study.get_trials()] == [{}, {}]


def test_cmaes_takes_a_broken_guard_for_a_failure() -> None:
    task = {"metrics": [WEIGHT], "start": {"weight": 5.0}, "parameters": {"sampler": "cmaes"}}
    state = tuning({"knobs.py": TUNABLE}, score=1.0, space=TUNABLE_SPACE, settings={"sampler": "cmaes"}, **task)
    state.ask(2)
    state.tell([result(0, 11.0, weight=9.0), result(1, 2.0, weight=6.0)], [], None)
    assert [trial.value for trial in state.search.study.get_trials()] == [1.0, 0.0, 2.0]


@pytest.mark.parametrize("sampler", ["tpe", "nsgaii"])
def test_a_constrained_search_stays_within_its_guard(sampler: str) -> None:
    """The score alone would go to the deepest model; the guard allows a depth of 5 at most."""
    others = [WEIGHT, *([SIZE] if sampler == "nsgaii" else [])]
    state = tuning(
        {"knobs.py": TUNABLE},
        score=4.0,
        space=TUNABLE_SPACE,
        metrics=others,
        start={"weight": 4.0, "size": 4.0},
        settings={"sampler": sampler, "population": 8, "steps": 0.0},
    )
    depths: list[int] = []
    for first in range(0, 96, 8):
        found = [run(proposal["files"]["knobs.py"])["DEPTH"] for proposal in state.ask(8)]
        state.tell([result(first + i, d, weight=d, size=d) for i, d in enumerate(found)], [], None)
        depths += found
    late = depths[-32:]
    assert sum(depth <= 6 for depth in late) > sum(depth <= 6 for depth in depths[:32])
    assert sum(depth <= 6 for depth in late) >= 24


def test_nsgaii_keeps_what_is_best_in_either_metric() -> None:
    state = tuning(
        {"knobs.py": TUNABLE},
        score=4.0,
        space=TUNABLE_SPACE,
        metrics=[SIZE],
        start={"size": 4.0},
        settings={"sampler": "nsgaii", "population": 8},
    )
    for first in range(0, 48, 8):
        found = [run(proposal["files"]["knobs.py"]) for proposal in state.ask(8)]
        state.tell([result(first + i, one["RATE"], size=one["DEPTH"]) for i, one in enumerate(found)], [], None)
    best = {tuple(trial.values) for trial in state.search.study.best_trials}
    values = [trial.values for trial in state.search.study.get_trials()]
    assert max(values)[0] in {score for score, _ in best}
    assert min(size for _, size in values) in {size for _, size in best}


def test_nsgaii_with_one_metric_is_answered_with_one_clear_sentence() -> None:
    message = init({"knobs.py": TUNABLE}, parameters={"sampler": "nsgaii"}, metrics=[WEIGHT])
    with PackageProcess("parameters") as process:
        answer = process.request(message)
    why = "nsgaii weighs several metrics, and this target has one without a guard: use tpe or cmaes."
    assert answer == {"type": "error", "message": why}


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsgaii"])
def test_a_search_begins_at_the_champion(sampler: str) -> None:
    state = tuning(
        {"knobs.py": TUNABLE},
        score=4.0,
        space=TUNABLE_SPACE,
        metrics=[SIZE],
        start={"size": 4.0},
        settings={"sampler": sampler},
    )
    first = state.search.study.get_trials()[0]
    assert first.params == state.places.values()
    assert first.values == ([4.0, 4.0] if sampler == "nsgaii" else [4.0])


def test_a_champion_from_elsewhere_begins_a_fresh_study_around_it() -> None:
    state = tuning({"knobs.py": TUNABLE}, score=1.0, space=TUNABLE_SPACE)
    proposal = state.ask(1)[0]
    state.tell([result(0, 2.0)], [], {"files": proposal["files"], "score": 2.0})
    assert len(state.search.study.get_trials()) == 2
    moved = TUNABLE.replace("A model", "Another model")
    state.tell([], [], {"files": {"knobs.py": moved}, "score": 3.0})
    assert [trial.value for trial in state.search.study.get_trials()] == [3.0]
    assert all("Another model" in proposal["files"]["knobs.py"] for proposal in state.ask(4))


TEN = f"WEIGHTS = {[0.0] * 10}\n"


def curved_score(text: str) -> float:
    """Return the negative of Rosenbrock's function, whose best point 0 lies in a bent valley."""
    x = [value + 0.7 for value in run(text)["WEIGHTS"]]
    return -sum(5 * (after - value**2) ** 2 + (1 - value) ** 2 for value, after in pairwise(x))


def best_found(seed: int, steps: float) -> tuple[float, set[str]]:
    """Return the best score of 64 proposals with that share of steps, and the operators that made them."""
    state = tuning({"ten.py": TEN}, seed=seed, score=curved_score(TEN), settings={"steps": steps})
    best, used = curved_score(TEN), set()
    for first in range(0, 64, 8):
        proposals = state.ask(8)
        scores = [curved_score(one["files"]["ten.py"]) for one in proposals]
        state.tell([result(first + i, score) for i, score in enumerate(scores)], [], None)
        best, used = max(best, *scores), used | {one["operator"] for one in proposals}
    return best, used


def test_small_steps_beside_tpe_find_more_than_tpe_alone() -> None:
    mixed, alone = ([best_found(seed, steps) for seed in range(4)] for steps in (0.5, 0.0))
    assert median(best for best, _ in mixed) > median(best for best, _ in alone)
    assert all(used == {"tpe", "step"} for _, used in mixed)
    assert all(used == {"tpe"} for _, used in alone)


def test_a_step_starts_from_what_breaks_no_guard() -> None:
    task = {"metrics": [WEIGHT], "start": {"weight": 5.0}, "settings": {"steps": 1.0}}
    state = tuning({"knobs.py": TUNABLE}, score=1.0, space=TUNABLE_SPACE, **task)
    state.ask(2)
    state.tell([result(0, 9.0, weight=9.0), result(1, 2.0, weight=6.0)], [], None)
    assert [trial.values for trial in state.search.best(3)] == [[2.0], [1.0]]


def test_steps_stay_within_the_ranges_and_become_longer_while_they_help() -> None:
    ranges = tuning({"knobs.py": TUNABLE}, score=1.0, space=TUNABLE_SPACE).places.ranges
    walk, values = steps.Steps(ranges, 1), {"RATE": 1.0, "DEPTH": 12, "KIND": "flat", "OFFSET": 2.0}
    made = [walk.next([values]) for _ in range(50)]
    assert all(ranges[name]._contains(ranges[name].to_internal_repr(one[name])) for one in made for name in ranges)
    assert sum(one != values for one in made) > 40
    before = walk.width
    walk.learn(better=True)
    assert walk.width == before * steps.LONGER
    for _ in range(200):
        walk.learn(better=False)
    assert walk.width == steps.NARROWEST
