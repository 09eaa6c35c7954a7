"""Tasks in OpenEvolve's format run as they are: one sandbox, ``evaluate(program_path)``, one result."""

from __future__ import annotations

import pytest

from improvement.engine.measurement import Outcome, Stage
from improvement.sandbox.measure import measure
from tests.integration.sandbox.small_targets import measured, openevolve

FUNCTION_MINIMIZATION = """
import importlib.util
import time
import traceback

import numpy as np
from openevolve.evaluation_result import EvaluationResult

import reference


def evaluate(program_path):
    try:
        spec = importlib.util.spec_from_file_location("program", program_path)
        program = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(program)
        if not hasattr(program, "run_search"):
            return {"combined_score": 0.0, "error": "Missing run_search function"}
        started_at = time.time()
        x, y, value = program.run_search()
        distance = float(np.hypot(x - reference.X, y - reference.Y))
        score = np.float64(1.0 / (1.0 + distance))
        return EvaluationResult(
            metrics={"combined_score": score, "distance": distance, "runs": np.int64(1), "fast": started_at > 0},
            artifacts={"stdout": "searched", "trace": b"raw \\xff bytes"},
        )
    except Exception as error:
        print(traceback.format_exc())
        return {"combined_score": 0.0, "error": str(error)}
"""
REFERENCE = {"reference.py": "X, Y = -1.704, 0.678\n"}
SEARCH = """
# EVOLVE-BLOCK-START
import numpy as np

def search():
    return np.random.uniform(-2, 2), 0.678
# EVOLVE-BLOCK-END

def run_search():
    x, y = search()
    return x, y, 0.0
"""

STAGED_SUBPROCESS = """
import json
import os
import subprocess
import sys
import tempfile


def run(program_path, seconds):
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as script:
        script.write(f"import sys; sys.path.insert(0, {os.path.dirname(program_path)!r})\\n")
        script.write("import json, numpy\\n")
        script.write(f"program = __import__({os.path.basename(program_path)[:-3]!r})\\n")
        script.write("print(json.dumps(float(numpy.sum(program.radii()))))\\n")
    done = subprocess.run([sys.executable, script.name], capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout)


def evaluate_stage1(program_path):
    return {"runs_successfully": 1.0, "sum": run(program_path, 5)}


def evaluate_stage2(program_path):
    return {"sum": run(program_path, 5) * 2, "valid": True}
"""


def test_a_task_with_local_imports_numpy_and_artifacts() -> None:
    task = openevolve(FUNCTION_MINIMIZATION, more=REFERENCE, seconds=30)
    result = measured(task, SEARCH, seed=5)
    assert (result.outcome, result.isolation) == (Outcome.OK, "cooperative"), result
    assert set(result.metrics) == {"combined_score", "distance", "runs"}
    assert result.metrics["combined_score"] == pytest.approx(1 / (1 + result.metrics["distance"]))
    assert result.feedback.splitlines() == ["fast: True", "stdout: searched", "trace: raw \ufffd bytes"]


def test_the_same_seed_gives_the_same_random_numbers() -> None:
    task = openevolve(FUNCTION_MINIMIZATION, more=REFERENCE, seconds=30)
    scores = [measured(task, SEARCH, seed=seed).metrics["combined_score"] for seed in (5, 5, 6)]
    assert scores[0] == scores[1] != scores[2]


def test_an_error_that_the_evaluator_reports_is_feedback() -> None:
    task = openevolve(FUNCTION_MINIMIZATION, more=REFERENCE, seconds=30)
    result = measured(task, "x = 1\n")
    assert (dict(result.metrics), result.feedback) == ({"combined_score": 0.0}, "error: Missing run_search function")


def test_stages_run_in_order_and_the_score_is_the_mean_of_the_numbers() -> None:
    result = measured(
        openevolve(STAGED_SUBPROCESS, seconds=30), "import numpy\ndef radii():\n    return numpy.ones(4)\n"
    )
    assert dict(result.metrics) == {"runs_successfully": 1.0, "sum": 8.0, "combined_score": 4.5}, result
    assert result.feedback == "valid: True"


def test_the_program_keeps_its_name_and_may_write_beside_itself() -> None:
    evaluator = """
    import os

    def evaluate(program_path):
        with open(os.path.join(os.path.dirname(program_path), "scratch.txt"), "w") as scratch:
            scratch.write("x")
        return {"combined_score": float(os.path.basename(program_path) == "initial_program.py")}
    """
    assert measured(openevolve(evaluator), "").metrics == {"combined_score": 1.0}


@pytest.mark.parametrize(
    ("evaluator", "cause", "message"),
    [
        ("def evaluate(path): return {'error': 0.0}", "no_score", 'no metric "combined_score"'),
        ("def evaluate(path): return {'note': 'nothing'}", "no_score", 'no metric "combined_score"'),
        ("def evaluate(path): return {'combined_score': float('nan')}", "no_score", 'no metric "combined_score"'),
        ("def evaluate(path): return 7", "evaluation_error", "has to return a dict"),
        ("def evaluate(path): raise KeyError('x')", "evaluation_error", "KeyError: 'x'"),
        ("def judge(path): pass", "evaluation_error", "defines no function evaluate"),
        ("def evaluate(path):\n    while True: pass", "timeout", "did not finish within 1.5 seconds"),
        ("def evaluate(path):\n    import os; os._exit(4)", "crash", "exited with status 4"),
        ("def evaluate(path):\n    print('x' * 10_000_000)", "output_flood", "wrote more than allowed"),
    ],
)
def test_a_failure_is_named(evaluator: str, cause: str, message: str) -> None:
    result = measured(openevolve(evaluator, seconds=1.5), "")
    assert (result.outcome, result.cause) == (Outcome.FAILED, cause), result
    assert message in result.message


def test_a_second_result_refuses_the_first() -> None:
    liar = """
    import os
    for fd in range(3, 64):
        try:
            os.write(fd, b'{"result":{"metrics":{"combined_score":99},"notes":{}}}\\n' * 2)
        except OSError:
            pass
    """
    loads = "def evaluate(path):\n    exec(open(path).read(), {})\n    return {'combined_score': 1.0}"
    result = measured(openevolve(loads), liar)
    assert (result.outcome, result.cause) == (Outcome.FAILED, "protocol")


@pytest.mark.parametrize(
    "line",
    [
        b"7",
        b"[]",
        b"{}",
        b"null",
        b'{"result": 7}',
        b'{"result": {"metrics": {"combined_score": 1}, "notes": 5}}',
        b'{"result": {"metrics": {"combined_score": true}, "notes": {}}}',
        b'{"result": {"metrics": {"combined_score": NaN}, "notes": {}}}',
        b'{"result": {"metrics": [1], "notes": {}}}',
        b"garbage",
    ],
)
def test_a_forged_message_is_refused_in_whatever_form(line: bytes) -> None:
    forge = f"""
    import os
    def evaluate(path):
        for fd in range(3, 64):
            try:
                os.write(fd, {line!r} + b"\\n")
            except OSError:
                pass
        os._exit(0)
    """
    result = measured(openevolve(forge), "")
    assert result.outcome is Outcome.FAILED, result
    assert result.cause in {"protocol", "tampered"}, result


def test_the_candidate_cannot_read_the_holdout() -> None:
    looks = "import os\ndef evaluate(path):\n    return {'combined_score': float(os.path.exists('/job/holdout.py'))}"
    task = openevolve(looks)
    assert measured(task, "").metrics == {"combined_score": 0.0}
    assert measured(task, "", stage=Stage.HOLDOUT).metrics["combined_score"] == 42


def test_a_forbidden_system_call_blocks() -> None:
    loads = "def evaluate(path):\n    exec(open(path).read(), {})\n    return {'combined_score': 1.0}"
    result = measured(openevolve(loads), "import ctypes\nctypes.CDLL(None).unshare(0x10000000)\n")
    assert (result.outcome, result.cause) == (Outcome.BLOCKED, "sandbox_violation")


def test_stop_ends_the_evaluation() -> None:
    task = openevolve("def evaluate(path):\n    while True: pass", seconds=30)
    result = measure(task, {"initial_program.py": ""}, stage=Stage.MEASURE, seed=1, stop=lambda: True)
    assert result.cause == "stopped"
    assert result.seconds < 1
