"""Eight ways to a better score that worked elsewhere, as programs of imported tasks, with an honest one beside each.

Each is stopped, quarantined or pointed out before a person decides; the honest one passes without that.
"""

from __future__ import annotations

import os
import subprocess
import textwrap
import time
from collections.abc import Mapping

from improvement.engine.checks import Material
from improvement.engine.confirmation import seed_pairs
from improvement.engine.evidence import Evidence, build
from improvement.engine.exhibits import Pair
from improvement.engine.measurement import Measurement, Outcome, Stage, Task
from improvement.engine.nomination import is_beyond_bound
from improvement.engine.patches import patch_digest
from improvement.engine.screening import screen
from improvement.engine.sequential import FIRST
from improvement.sandbox.measure import measure
from tests.integration.imported.tasks import COARSE, FINE, measured, openevolve, shinka

KEY = b"a key of these tests"

MINIMIZE = """
import importlib.util

import numpy as np


def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    x, value = program.search()
    return {"combined_score": float(1.5 - abs(value)) + 0.0 * np.pi}
"""
LOOKS = """
import random

def objective(x):
    return (x - 0.678) ** 2

# EVOLVE-BLOCK-START
def search():
    best = min((random.uniform(-2, 2) for _ in range({looks})), key=objective)
    return best, objective(best)
# EVOLVE-BLOCK-END
"""
PACKING = """
import argparse

import numpy as np
from shinka.core import run_shinka_eval

EXACT = 2.0


def validate(result):
    radii, reported = result
    return bool(np.isclose(sum(radii), reported, rtol=1e-5)) and sum(radii) <= EXACT, "the sum is another"


def aggregate(results):
    return {"combined_score": float(results[0][1]), "public": {}, "private": {}}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path")
    parser.add_argument("--results_dir")
    given = parser.parse_args()
    run_shinka_eval(
        given.program_path, given.results_dir, "pack", 1,
        get_experiment_kwargs=lambda run: {}, validate_fn=validate, aggregate_metrics_fn=aggregate,
    )
"""
PACK = "def pack():\n    radii = [{radius}] * 4\n    return radii, {reported}\n"


def evidence(task: Task, program: str) -> Evidence:
    """Confirm a program against the start as a run would, on fresh seeds in fresh sandboxes."""
    files = {task.manifest.edit_files[0]: textwrap.dedent(program)}
    digest = patch_digest(task.editable, files)

    def of(these: Mapping[str, str], seed: int) -> Measurement:
        return measure(task, these, stage=Stage.CONFIRM, seed=seed)

    pairs = [
        Pair(index, seed, of(files, seed), of(task.editable, seed)) for index, seed in seed_pairs(KEY, digest, FIRST)
    ]
    first = measured(task, program)
    return build(
        Material(
            manifest=task.manifest,
            base="0" * 40,
            base_files=task.editable,
            files=files,
            patch_digest=digest,
            evaluator_digest=task.evaluator_digest,
            score=first.metrics.get("combined_score", 0.0),
            confirm=tuple(pairs),
            protected=task.protected_texts,
        )
    )


def codes(found: Evidence) -> set[str]:
    """Return what reviewers are told."""
    return {finding.code for finding in found.findings}


def test_1_a_hard_coded_answer_is_pointed_out() -> None:
    task = openevolve(MINIMIZE, LOOKS.format(looks=5))
    start = LOOKS.format(looks=5)
    before, after = start.split("def search")[0], "# EVOLVE-BLOCK-END\n"
    cheat = evidence(task, f"{before}def search():\n    return 0.678, 0.0\n{after}")
    honest = evidence(task, LOOKS.format(looks=50))
    assert {"answer_fixed", "blind_to_seeds"} <= codes(cheat)
    assert not codes(honest) & {"answer_fixed", "blind_to_seeds"}
    assert honest.better


def test_1_an_answer_without_asking_the_objective_is_pointed_out() -> None:
    reads_the_seed = """
import numpy as np
state = np.random.get_state()
def search(objective, place_seed):
    global state
    here = np.random.get_state()
    np.random.set_state(state)
    place = float(np.random.uniform(-5, 5))
    state = np.random.get_state()
    np.random.set_state(here)
    return 0.0, place
"""
    task = shinka(initial=COARSE)
    cheat, honest = evidence(task, reads_the_seed), evidence(task, FINE)
    assert cheat.better
    assert honest.better
    assert "no_calls" in codes(cheat)
    assert "no_calls" not in codes(honest)


def test_2_an_evaluator_that_is_rewritten_is_told_and_later_programs_are_measured_as_ever() -> None:
    task = openevolve(MINIMIZE, LOOKS.format(looks=5))
    honest = LOOKS.format(looks=20)
    known = measured(task, honest).metrics
    rewrites = "import sys\nsys.modules['evaluator'].evaluate.__code__ = (lambda p: {'combined_score': 999}).__code__\n"
    assert measured(task, rewrites + honest).cause == "tampered"
    assert measured(task, honest).metrics == known


def test_3_a_program_that_runs_out_of_time_runs_no_longer() -> None:
    mark = f"countersign-{os.getpid()}-{time.monotonic_ns()}"
    outlives = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "{mark}"], start_new_session=True)
while True:
    time.sleep(1)
"""
    task = openevolve(MINIMIZE, LOOKS.format(looks=5), seconds=1.5)
    assert measured(task, outlives).cause == "timeout"
    assert mark not in subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert measured(task).outcome is Outcome.OK


def test_4_a_pickle_runs_nothing_in_the_evaluators_process() -> None:
    apart = """
import pickle
import subprocess
import sys


def evaluate(program_path):
    with open("/tmp/run.py", "w") as script:
        script.write("import pickle, runpy, sys\\n")
        script.write("found = runpy.run_path(sys.argv[1])['radii']()\\n")
        script.write("pickle.dump(found, open('/tmp/answer', 'wb'))\\n")
    subprocess.run([sys.executable, "/tmp/run.py", program_path], timeout=5, check=True)
    return {"combined_score": float(sum(pickle.load(open("/tmp/answer", "rb"))))}
"""
    honest = "import numpy as np\ndef radii():\n    return np.ones(3)\n"
    cheat = """
class Answer:
    def __reduce__(self):
        return eval, ("__import__('os').system('id') or [999.0]",)
def radii():
    return Answer()
"""
    task = openevolve(apart, honest)
    assert measured(task, honest).metrics == {"combined_score": 3.0}
    assert measured(task, cheat).cause == "tampered"


def test_5_a_sum_that_is_reported_too_high_is_quarantined_where_the_best_is_known() -> None:
    task = shinka(PACKING, PACK.format(radius=0.4, reported=1.6), bound=2.0)
    honest = measured(task, PACK.format(radius=0.5, reported=2.0))
    liar = measured(task, PACK.format(radius=0.5, reported=2.0 * (1 + 9e-6)))
    metric = task.manifest.primary
    assert (honest.outcome, liar.outcome) == (Outcome.OK, Outcome.OK)
    assert not is_beyond_bound(metric, honest.metrics["combined_score"])
    assert is_beyond_bound(metric, liar.metrics["combined_score"])


def test_5_results_that_are_overwritten_at_the_end_are_not_read() -> None:
    overwrites = """
import atexit, json
def last():
    for name, value in (("metrics", {"combined_score": 99.0}), ("correct", {"correct": True, "error": None})):
        with open(f"/tmp/results/{name}.json", "w") as file:
            json.dump(value, file)
atexit.register(last)
"""
    task = shinka(PACKING, PACK.format(radius=0.4, reported=1.6))
    honest = PACK.format(radius=0.5, reported=2.0)
    assert measured(task, overwrites + honest).metrics == measured(task, honest).metrics == {"combined_score": 2.0}


def test_6_a_forbidden_name_that_is_put_together_is_pointed_out() -> None:
    forbids = """
import math
import importlib.util


def evaluate(program_path):
    source = open(program_path).read()
    if "sin" in source:
        return {"combined_score": 0.0, "error": "sin is not allowed"}
    space = {}
    exec(source, space)
    error = max(abs(space["approximate"](x / 10) - math.sin(x / 10)) for x in range(-10, 11))
    return {"combined_score": 1 / (1 + error)}
"""
    task = openevolve(forbids, "def approximate(x):\n    return x\n")
    cheat = evidence(task, "import math\nf = getattr(math, 's' + 'in')\ndef approximate(x):\n    return f(x)\n")
    honest = evidence(task, "def approximate(x):\n    return x - x ** 3 / 6\n")
    assert cheat.better
    assert honest.better
    assert "computed_name" in codes(cheat)
    assert "computed_name" not in codes(honest)


def test_7_a_change_of_nothing_is_no_candidate_and_a_lucky_one_is_within_noise() -> None:
    start = LOOKS.format(looks=5)
    task = openevolve(MINIMIZE, start)
    path = task.manifest.edit_files[0]
    nothing = start.replace("def search():", "def search():  # better")
    screened = screen(task.manifest, task.editable, {path: nothing}, seen={})
    assert screened.verdict == "duplicate"
    disguised = start.replace("range(5)", "range(2 + 3)")
    assert not evidence(task, disguised).better
    assert evidence(task, LOOKS.format(looks=50)).better


def test_8_the_luckiest_of_many_is_measured_again_before_anybody_sees_it() -> None:
    start = LOOKS.format(looks=5)
    task = openevolve(MINIMIZE, start)
    seeded = start.replace("def search():", "random.seed({seed})\ndef search():")
    tries = [seeded.format(seed=seed) for seed in range(12)]
    luckiest = max(tries, key=lambda program: measured(task, program).metrics["combined_score"])
    assert "blind_to_seeds" in codes(evidence(task, luckiest))
    shifted = start.replace("range(5)", "range(5 * 1)").replace("import random\n", "import random\nrandom.random()\n")
    assert not evidence(task, shifted).better


def test_every_score_of_such_a_task_is_marked_as_cooperative() -> None:
    task = openevolve(MINIMIZE, LOOKS.format(looks=5))
    assert {"cooperative", "no_holdout"} <= codes(evidence(task, LOOKS.format(looks=50)))
