"""Tasks in ShinkaEvolve's format run as they are: a script, two files of results."""

from __future__ import annotations

import pytest

from improvement.engine.measurement import Outcome
from tests.integration.imported.tasks import FINE, SEARCH, measured, shinka

WRITES = """
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--program-path")
parser.add_argument("--results-dir")
given = parser.parse_args()
os.makedirs(given.results_dir, exist_ok=True)
exec(open(given.program_path).read())
for name, value in (("metrics", metrics), ("correct", correct)):
    with open(os.path.join(given.results_dir, name + ".json"), "w") as file:
        json.dump(value, file)
"""


def test_an_evaluator_that_uses_the_library_is_run_unchanged() -> None:
    task = shinka()
    start, better = measured(task), measured(task, FINE)
    assert (start.outcome, start.isolation) == (Outcome.OK, "cooperative"), start
    assert set(start.metrics) == {"combined_score", "runs", "objective_calls"}
    assert start.feedback == "best: text\ntext_feedback: closer is better"
    assert better.metrics["combined_score"] > start.metrics["combined_score"]


def test_the_same_seed_gives_the_same_score_and_another_one_another() -> None:
    task = shinka()
    first, again, other = (measured(task, seed=seed).metrics["combined_score"] for seed in (1, 1, 2))
    assert first == again != other


def test_calls_of_a_function_that_is_handed_over_are_counted() -> None:
    assert measured(shinka()).metrics["objective_calls"] == 3 * 12


def test_what_is_not_correct_fails_and_says_why() -> None:
    result = measured(shinka(), "def search(objective, place_seed):\n    return 5\n")
    assert (result.outcome, result.cause) == (Outcome.FAILED, "incorrect")
    assert "Validation failed: the result is no tuple" in result.message
    assert result.message in result.feedback


@pytest.mark.parametrize(
    "program",
    ["def search(objective, place_seed): return objective.nothing", "def other(): pass", "1 / 0"],
)
def test_a_program_that_breaks_is_not_correct(program: str) -> None:
    result = measured(shinka(), program)
    assert (result.outcome, result.cause) == (Outcome.FAILED, "incorrect"), result


def test_a_script_of_its_own_with_hyphens_in_its_arguments() -> None:
    task = shinka(WRITES, "metrics = {'combined_score': 2.5}; correct = {'correct': True, 'error': None}")
    assert dict(measured(task).metrics) == {"combined_score": 2.5}


@pytest.mark.parametrize(
    ("program", "cause", "said"),
    [
        ("metrics = {}; correct = {'correct': True}", "no_score", 'no metric "combined_score"'),
        ("metrics = {'combined_score': 'x'}; correct = {'correct': True}", "no_score", 'no metric "combined_score"'),
        ("metrics = []; correct = {'correct': True}", "evaluation_error", "with an object each"),
        ("metrics = {'combined_score': 1}; correct = {'correct': 1}", "incorrect", "it gives no reason"),
        ("metrics = {'combined_score': 1}; correct = {}", "incorrect", "it gives no reason"),
        ("raise SystemExit(3)", "evaluation_error", "evaluate.py ended with status 3"),
        ("raise SystemExit", "evaluation_error", "left no metrics.json"),
        ("1 / 0", "evaluation_error", "ZeroDivisionError"),
        ("import os; os.mkfifo('/tmp/results/metrics.json')", "evaluation_error", "PermissionError"),
        (
            "import os; os.symlink('/tmp/x', '/tmp/results/metrics.json'); metrics = correct = {}",
            "evaluation_error",
            "",
        ),
    ],
)
def test_results_that_cannot_be_used_are_named(program: str, cause: str, said: str) -> None:
    result = measured(shinka(WRITES, "", seconds=2), program)
    assert (result.outcome, result.cause) == (Outcome.FAILED, cause), result
    assert said in result.message


def test_a_script_that_complains_after_it_wrote_that_nothing_is_correct() -> None:
    complains = SEARCH + "\n    raise RuntimeError('Evaluation failed')\n"
    assert measured(shinka(complains), "def search(**k): return 5").cause == "incorrect"
    assert measured(shinka(complains)).cause == "evaluation_error"


@pytest.mark.parametrize("result", ["Liar(0.0)", "(0.0, Liar(0.0))", "({'at': [Liar(1.0)]}, 1.0)"])
def test_a_number_with_code_of_its_own_is_not_correct(result: str) -> None:
    lies = "class Liar(float):\n    def __neg__(self):\n        return 99.0\n"
    found = measured(shinka(), f"{lies}def search(objective, place_seed):\n    return {result}\n")
    assert (found.outcome, found.cause) == (Outcome.FAILED, "incorrect"), found
    assert "Liar, which only looks like a number" in found.message


def test_numbers_of_numpy_are_numbers() -> None:
    program = "import numpy as np\ndef search(objective, place_seed):\n    return np.float64(1.0), [np.ones(3)]\n"
    assert measured(shinka(), program).outcome is Outcome.OK
