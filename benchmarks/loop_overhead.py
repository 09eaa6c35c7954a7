"""How much the loop costs: evaluations per second of the loop against the bare sandbox, in turns in the same run.

    python3 benchmarks/loop_overhead.py [--evaluations N] [--rounds R] [--workers W] [--strategy NAME]

The evaluator is as trivial as one can be, so the ratio is the worst case: any real evaluation takes longer, and the
loop's own work per evaluation stays the same. Prints one JSON value; rates are evaluations per second over all
evaluations, those for confirming included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from improvement.engine.budget import Budget
from improvement.engine.measurement import Stage, Task
from improvement.engine.packages import find_package
from improvement.offline import Plan, improve
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

TARGET = {
    "countersign.toml": """\
[target]
name = "trivial"
[edit]
files = ["solution.py"]
[evaluate]
module = "evaluator.py"
seconds = 10
[metrics.score]
better = "higher"
""",
    "solution.py": "def answer():\n    return 0.5\n",
    "evaluator.py": 'def evaluate(candidate, *, seed, stage, case):\n    return {"score": candidate.call("answer")}\n',
}

STRATEGY = {
    "strategy.toml": 'name = "count"\nversion = "1.0.0"\ndescription = "Counts up."\n',
    "main.py": """\
import json
import sys

number = 0
for line in sys.stdin:
    message = json.loads(line)
    answer = {"init": {"type": "ready"}, "tell": {"type": "ok"}, "snapshot": {"type": "state", "state": "count"}}
    if message["type"] == "ask":
        numbers = range(number, number + message["count"])
        number += message["count"]
        files = [{"solution.py": f"def answer():\\n    return {1.0 / (n + 3)}\\n"} for n in numbers]
        print(json.dumps({"type": "proposals", "proposals": [{"files": one} for one in files]}), flush=True)
    else:
        print(json.dumps(answer[message["type"]]), flush=True)
""",
}


def main() -> None:
    """Run the rounds and print what they came to."""
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target, strategy = _write(folder / "target", TARGET), _write(folder / "strategy", STRATEGY)
        plan = _plan(target, options.strategy or str(strategy), options.evaluations)
        _bare(plan.task, 2 * options.workers, options.workers)  # the first use of the sandbox prepares it
        bare, loop = [], []
        for _ in range(options.rounds):
            bare.append(_bare(plan.task, options.evaluations, options.workers))
            loop.append(_loop(plan, options.workers))
    figures = {
        "evaluations": options.evaluations,
        "rounds": options.rounds,
        "workers": options.workers,
        "strategy": plan.package.label,
        "bare_per_second": round(statistics.median(bare), 2),
        "loop_per_second": round(statistics.median(loop), 2),
        "ratio": round(statistics.median(one / other for one, other in zip(loop, bare, strict=True)), 3),
    }
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the loop with the bare sandbox.")
    parser.add_argument("--evaluations", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--strategy", help="a built-in strategy instead of one that only counts")
    return parser.parse_args()


def _write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def _plan(target: Path, strategy: str, evaluations: int) -> Plan:
    imported, package = load(target), find_package(strategy)
    task = Task(imported.manifest, imported.tree)
    return Plan(task, package, package.settings({}), Budget.of(evaluations), seed=1)


def _bare(task: Task, evaluations: int, workers: int) -> float:
    """Measure the start again and again, as fast as the sandbox goes; evaluations per second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        for measurement in pool.map(lambda seed: _measure(task, seed), range(evaluations)):
            if measurement != "ok":
                raise SystemExit(f"The trivial evaluation ended with {measurement}: nothing can be compared.")
    return evaluations / (time.perf_counter() - began)


def _measure(task: Task, seed: int) -> str:
    return measure(task, task.editable, stage=Stage.MEASURE, seed=seed).outcome.value


def _loop(plan: Plan, workers: int) -> float:
    began = time.perf_counter()
    result = improve(plan, workers=workers)
    made = 1 + result.evaluations + result.confirm_evaluations
    return made / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
