"""What a sandbox costs: a job forked from a zygote against one started from nothing, in turns in the same run.

    python3 benchmarks/sandbox.py [--rounds N] [--evaluations N] [--seconds S]

Each party is one candidate that answers one call: bare, or after ``import numpy``. Beside them stands the start of a
bare interpreter without any sandbox. Times are medians in milliseconds. ``useful`` is the part of two processors' time
that candidates spend in their own code when each evaluation computes for ``--seconds``. Prints one JSON value.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Stage, Task
from improvement.sandbox import levels, spawn, zygotes
from improvement.sandbox.limits import Limits
from improvement.sandbox.measure import measure
from improvement.sandbox.program import Family, Program
from improvement.sandbox.runner import run

WORKERS = 2
CALL = json.dumps({"id": 1, "module": "solution", "function": "answer", "args": [], "kwargs": {}}).encode()
SOLUTIONS = {
    "bare": "def answer():\n    return 1\n",
    "numpy": "import numpy\ndef answer():\n    return float(numpy.arange(10).sum())\n",
}
BUSY = """\
import time
def answer(seconds):
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
    return seconds
"""
EVALUATOR = """\
def evaluate(candidate, *, seed, stage, case):
    return {{"score": candidate.call("answer", {seconds})}}
"""
MANIFEST = """\
[target]
name = "busy"
[edit]
files = ["solution.py"]
[evaluate]
module = "evaluator.py"
seconds = 30
[metrics.score]
better = "higher"
"""


def main() -> None:
    """Take the turns and print what they came to."""
    options = _options()
    levels.require(spawn.FULL)
    levels.try_zygotes()
    if not zygotes.allowed():
        raise SystemExit(f"There is nothing to compare here: {zygotes.why_not()}")
    parties: dict[str, Callable[[], None]] = {"interpreter": _interpreter}
    for name, solution in SOLUTIONS.items():
        parties[f"{name}_from_nothing"] = lambda solution=solution: _answer(solution, None)  # type: ignore[misc]
        parties[f"{name}_forked"] = lambda solution=solution, name=name: _answer(  # type: ignore[misc]
            solution, Family("benchmark", ("numpy",) if name == "numpy" else ())
        )
    for party in parties.values():
        party()  # the first turn prepares what later ones use
    taken: dict[str, list[float]] = {name: [] for name in parties}
    for _ in range(options.rounds):
        for name, party in parties.items():
            began = time.perf_counter()
            party()
            taken[name].append(1000 * (time.perf_counter() - began))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(
        json.dumps(
            {
                "rounds": options.rounds,
                **{f"{name}_ms": round(median, 2) for name, median in medians.items()},
                **{f"{name}_ratio": round(_ratio(medians, name), 3) for name in SOLUTIONS},
                "useful": round(_useful(options.evaluations, options.seconds), 3),
                "load": round(os.getloadavg()[0], 2),
            }
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare forked sandboxes with those started from nothing.")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=0.1)
    return parser.parse_args()


def _ratio(medians: dict[str, float], name: str) -> float:
    return medians[f"{name}_forked"] / medians[f"{name}_from_nothing"]


def _interpreter() -> None:
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)


def _answer(solution: str, family: Family | None) -> None:
    files = {"solution.py": solution.encode()}
    program = Program("candidate", files=files, arguments=("solution.py",), family=family)
    result = run(program, limits=Limits(seconds=10), messages=(CALL,))
    if result.code != 0 or b'"value"' not in b"".join(result.lines):
        raise SystemExit(f"The candidate did not answer: {result}")


def _useful(evaluations: int, seconds: float) -> float:
    """Compare what candidates computed with what two workers' processors could have done meanwhile."""
    tree = {"countersign.toml": MANIFEST, "solution.py": BUSY, "evaluator.py": EVALUATOR.format(seconds=seconds)}
    task = Task(parse_manifest(MANIFEST), {path: text.encode() for path, text in tree.items()})
    with ProcessPoolExecutor(WORKERS) as pool:  # each worker is a process of its own, as in an installation
        list(pool.map(_evaluate, [task] * 4 * WORKERS, range(4 * WORKERS)))
        began = time.perf_counter()
        list(pool.map(_evaluate, [task] * evaluations, range(evaluations)))
        return evaluations * seconds / (WORKERS * (time.perf_counter() - began))


def _evaluate(task: Task, seed: int) -> None:
    if measure(task, task.editable, stage=Stage.MEASURE, seed=seed).outcome.value != "ok":
        raise RuntimeError("An evaluation failed: nothing can be compared.")


if __name__ == "__main__":
    main()
