"""How much the loop costs: evaluations per second of the loop against the bare sandbox, in turns in the same run.

    python3 benchmarks/loop_overhead.py [--evaluations N] [--rounds R] [--workers W] [--strategy NAME] [--served]

The evaluator is as trivial as one can be, so the ratio is the worst case: any real evaluation takes longer, and the
loop's own work per evaluation stays the same. With ``--served`` a third party takes its turn: the same loop through
database, queue and workers of an installation that `manage.py up` started for it, with a built-in strategy. Prints
one JSON value; rates are evaluations per second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from improvement.engine.budget import Budget
from improvement.engine.measurement import Stage, Task
from improvement.engine.packages import find_package
from improvement.offline import Plan, improve
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

MANAGE = [sys.executable, str(Path(__file__).resolve().parent.parent / "manage.py")]

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
    # Nothing scores above the start, so nothing is confirmed: both loops do nothing but propose and measure.
    "evaluator.py": """\
def evaluate(candidate, *, seed, stage, case):
    return {"score": min(0.5, candidate.call("answer"))}
""",
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
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        target, strategy = _write(folder / "target", TARGET), _write(folder / "strategy", STRATEGY)
        plan = _plan(target, options.strategy or str(strategy), options.evaluations)
        _bare(plan.task, 2 * options.workers, options.workers)  # the first use of the sandbox prepares it
        parties: dict[str, Callable[[], float]] = {
            "bare": lambda: _bare(plan.task, options.evaluations, options.workers),
            "loop": lambda: _loop(plan, options.workers),
        }
        with ExitStack() as stack:
            if options.served:
                manage = stack.enter_context(_installation(folder / "data", options.workers))
                parties["served"] = lambda: _served(manage, target, options)
            rates: dict[str, list[float]] = {name: [] for name in parties}
            for _ in range(options.rounds):
                for name, party in parties.items():
                    rates[name].append(party())
    print(json.dumps(_figures(rates, options)))


def _figures(rates: dict[str, list[float]], options: argparse.Namespace) -> dict[str, object]:
    against = {name: zip(rates[name], rates["bare"], strict=True) for name in rates if name != "bare"}
    return {
        "evaluations": options.evaluations,
        "rounds": options.rounds,
        "workers": options.workers,
        "strategy": options.strategy or "one that only counts",
        **{f"{name}_per_second": round(statistics.median(own), 2) for name, own in rates.items()},
        **{f"{name}_ratio": round(statistics.median(a / b for a, b in pairs), 3) for name, pairs in against.items()},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the loop with the bare sandbox.")
    parser.add_argument("--evaluations", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--strategy", help="a built-in strategy instead of one that only counts")
    parser.add_argument("--served", action="store_true", help="measure the loop of a whole installation, too")
    options = parser.parse_args()
    if options.served:
        options.strategy = options.strategy or "parameters"  # an installation runs the built-in ones
    return options


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
    return (1 + result.evaluations) / (time.perf_counter() - began)


@contextmanager
def _installation(data: Path, workers: int) -> Iterator[list[str]]:
    """Start a whole installation; give the command line that manages it."""
    options = ["--data", str(data), "--port", "0", "--workers", str(workers), "--no-demo", "--no-browser"]
    with subprocess.Popen([*MANAGE, "up", *options], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            if not any("Sign in" in line for line in started.stdout):
                raise SystemExit("`manage.py up` ended before it was ready.")
            yield ["env", f"COUNTERSIGN_DATA={data}", *MANAGE]
        finally:
            started.terminate()


def _served(manage: list[str], target: Path, options: argparse.Namespace) -> float:
    """See a run through on the installation; evaluations per second from its start to its end."""
    budget = ["--budget", str(options.evaluations), "--seed", "1", "--strategy", options.strategy]
    command = [*manage, "improve", str(target), *budget, "--wait", "--json"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    ended = json.loads(answer)
    return float((1 + ended["evaluations"]) / ended["seconds"])


if __name__ == "__main__":
    main()
