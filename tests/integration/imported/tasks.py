"""Small tasks in the formats of OpenEvolve and ShinkaEvolve, imported as a person would import them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from improvement.engine.formats import as_native
from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Measurement, Stage, Task
from improvement.sandbox.measure import measure

FIXED = "# EVOLVE-BLOCK-START\n{body}\n# EVOLVE-BLOCK-END\n"

SEARCH = '''
"""ShinkaEvolve: find the lowest point of a function that is handed over, which lies elsewhere on every seed."""
import argparse

import numpy as np
from shinka.core import run_shinka_eval


def get_kwargs(run):
    place = float(np.random.uniform(-5, 5))
    return {"objective": lambda x: (x - place) ** 2, "place_seed": run}


def validate(result):
    return (True, None) if isinstance(result, tuple) else (False, "the result is no tuple of value and place")


def aggregate(results):
    return {
        "combined_score": float(-np.mean([value for value, _ in results])),
        "public": {"runs": len(results), "best": "text"},
        "private": {"secret": 7},
        "text_feedback": "closer is better",
    }


def main(program_path, results_dir):
    run_shinka_eval(
        program_path=program_path, results_dir=results_dir, experiment_fn_name="search", num_runs=3,
        get_experiment_kwargs=get_kwargs, validate_fn=validate, aggregate_metrics_fn=aggregate,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path")
    parser.add_argument("--results_dir")
    given = parser.parse_args()
    main(given.program_path, given.results_dir)
'''
COARSE = """
def search(objective, place_seed):
    best = min((float(x) for x in range(-5, 6)), key=objective)
    return objective(best), best
"""
FINE = """
def search(objective, place_seed):
    best = min((x / 10 for x in range(-50, 51)), key=objective)
    return objective(best), best
"""


def imported(tree: Mapping[str, str], fmt: str, *, seconds: float = 10.0, bound: float | None = None) -> Task:
    """Import a task and let its owner set the time and the best score that can be true."""
    data = {path: textwrap.dedent(text).encode() for path, text in tree.items()}
    native = as_native(data, fmt, name="task")
    text = native.manifest.text.replace("seconds = 300.0", f"seconds = {seconds}")
    text += f"bound = {bound}\n" if bound is not None else ""
    return Task(parse_manifest(text), {**native.tree, "countersign.toml": text.encode()})


def shinka(evaluate: str = SEARCH, initial: str = COARSE, **owner: float) -> Task:
    """Import a ShinkaEvolve task."""
    return imported({"evaluate.py": evaluate, "initial.py": initial}, "shinka", **owner)


def openevolve(evaluator: str, initial: str, *, more: Mapping[str, str] | None = None, **owner: float) -> Task:
    """Import an OpenEvolve task."""
    return imported({"evaluator.py": evaluator, "initial_program.py": initial, **(more or {})}, "openevolve", **owner)


def measured(task: Task, program: str | None = None, *, seed: int = 1) -> Measurement:
    """Measure a program, or else the task as it stands."""
    path = task.manifest.edit_files[0]
    files = task.editable if program is None else {path: textwrap.dedent(program)}
    return measure(task, files, stage=Stage.MEASURE, seed=seed)
