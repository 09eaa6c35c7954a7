"""Our strategies against random search, plain Optuna (TPE) and plain CMA-ES at equal evaluations.

    .venv/bin/python benchmarks/search.py [--only NAME …] [--full] [--evaluations N] [--seeds K] [--fresh N]

Each method is a strategy package and runs in the same loop: the same evaluator in the same sandbox, the same seed for
all candidates of a run, as many evaluations, no confirmations. The peers learn from each evaluation before the next,
know the start's values and score, and search the same space: the manifest's, or the numbers of the start program, or,
at random, whatever `evolution` and `automl` can do. What a run found best is measured on fresh seeds, the same for all;
where it fails there, the start counts. Prints one JSON value: medians over the runs of the mean on the fresh seeds, and
whether ours is better than the best peer, as good or worse, give or take the manifest's epsilon.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from improvement.engine.budget import Budget
from improvement.engine.manifest import Metric
from improvement.engine.measurement import Stage, Task
from improvement.engine.packages import StrategyPackage, find_builtin
from improvement.engine.seeds import derive
from improvement.offline import Plan, improve
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PEERS = Path(__file__).resolve().parent / "peers"
FRESH = b"benchmarks/search.py"
JOBS = 2
SEEDS, SEEDS_IN_FULL = 3, 10


@dataclass(frozen=True)
class Method:
    """A way to search: a built-in strategy as it is, or a peer's file laid over one."""

    over: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    peer: str = ""

    @property
    def package(self) -> StrategyPackage:
        """The strategy package."""
        own = find_builtin(self.over)
        if not self.peer:
            return own
        files = {**own.files, "main.py": (PEERS / self.peer).read_bytes()}
        return replace(own, generation=1, parameters=self.settings, allowed={}, files=files)


@dataclass(frozen=True)
class Contest:
    """A target, our strategy for it, the peers, and how many evaluations and fresh seeds each gets."""

    ours: Method
    peers: Mapping[str, Method]
    evaluations: int
    fresh: int

    @property
    def methods(self) -> dict[str, Method]:
        """Ours and the peers by name."""
        return {"ours": self.ours, **self.peers}


VALUES = {
    "random": Method("parameters", {"method": "random"}, "values.py"),
    "optuna": Method("parameters", {"method": "tpe"}, "values.py"),
    "cmaes": Method("parameters", {"method": "cmaes"}, "values.py"),
}
PROGRAMS = {**VALUES, "random": Method("evolution", {}, "programs.py")}
PIPELINES = {
    "random": Method("automl", {"method": "random"}, "pipelines.py"),
    "optuna": Method("automl", {"method": "tpe"}, "pipelines.py"),
}
CONTESTS = {
    "connect_four": Contest(Method("parameters"), VALUES, 60, 8),
    "circle_packing_numbers": Contest(Method("parameters"), VALUES, 40, 1),
    "stream": Contest(Method("online"), VALUES, 60, 6),
    "cartpole": Contest(Method("policy"), VALUES, 60, 6),
    "acrobot": Contest(Method("policy"), VALUES, 200, 6),
    "diabetes": Contest(Method("automl"), PIPELINES, 40, 4),
    "digits": Contest(Method("automl"), PIPELINES, 25, 3),
    "circle_packing": Contest(Method("evolution"), PROGRAMS, 300, 1),
    "bin_packing": Contest(Method("evolution"), PROGRAMS, 200, 4),
}


@dataclass(frozen=True)
class Run:
    """What one run came to: the best measured score, the mean on fresh seeds, and how many of these failed."""

    found: float
    fresh: float
    failures: int
    evaluations: int


def main() -> None:
    """Run the contests and print what came of them."""
    options = _options()
    began = time.monotonic()
    figures = {name: _held(name, CONTESTS[name], options) for name in options.only or CONTESTS}
    verdicts = [figure["ours_is"] for figure in figures.values()]
    value = {
        "targets": figures,
        "better": verdicts.count("better"),
        "as_good": verdicts.count("as good"),
        "worse": verdicts.count("worse"),
        "seconds": round(time.monotonic() - began),
        "load": os.getloadavg()[0],
    }
    print(json.dumps(value))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CONTESTS, metavar="NAME", help="these targets alone")
    parser.add_argument("--full", action="store_true", help=f"{SEEDS_IN_FULL} seeds instead of {SEEDS}")
    parser.add_argument("--seeds", type=int, help="another number of seeds")
    parser.add_argument("--evaluations", type=int, help="another number of evaluations for each run")
    parser.add_argument("--fresh", type=int, help="another number of fresh seeds")
    return parser.parse_args()


def _held(name: str, contest: Contest, options: argparse.Namespace) -> dict[str, Any]:
    """Hold a contest: every method with every seed, two runs at a time, each in a process of its own.

    Threads would share one count of how deep the parser is: in Python 3.11 `ast.parse` in two of them at once may fail.
    """
    imported = load(EXAMPLES / name)
    task = Task(imported.manifest, imported.tree)
    evaluations, fresh = options.evaluations or contest.evaluations, options.fresh or contest.fresh
    seeds = range(1, 1 + (options.seeds or (SEEDS_IN_FULL if options.full else SEEDS)))
    began = time.monotonic()
    with ProcessPoolExecutor(JOBS, mp_context=get_context("spawn")) as pool:
        start = [score for _, score in _fresh(task, task.editable, fresh, None)]
        started = {
            method: [pool.submit(_run, task, how, evaluations, seed, fresh, start) for seed in seeds]
            for method, how in contest.methods.items()
        }
        runs = {method: [future.result() for future in futures] for method, futures in started.items()}
    figure = {
        **_judged(task.manifest.primary, runs),
        "start": fmean(start),
        "evaluations": evaluations,
        "fresh_seeds": fresh,
        "seconds": round(time.monotonic() - began),
        "runs": {method: [vars(run) for run in ended] for method, ended in runs.items()},
    }
    print(name, json.dumps(figure), file=sys.stderr, flush=True)
    return figure


def _run(task: Task, method: Method, evaluations: int, seed: int, fresh: int, start: list[float]) -> Run:
    package = method.package
    plan = Plan(task, package, package.settings(method.settings), Budget.of(evaluations, allowance=0), seed)
    result = improve(plan, workers=1)
    measured = _fresh(task, result.best.files, fresh, start)
    failures = sum(failed for failed, _ in measured)
    return Run(result.best.score, fmean(score for _, score in measured), failures, result.evaluations)


def _fresh(task: Task, files: Mapping[str, str], count: int, instead: list[float] | None) -> list[tuple[bool, float]]:
    """Measure files on fresh seeds: whether each failed, and the score, after a failure the one given instead."""
    measured = [
        measure(task, files, stage=Stage.MEASURE, seed=derive(FRESH, task.manifest.name, place)).metrics
        for place in range(count)
    ]
    name = task.manifest.primary.name
    scores = [(metrics or {}).get(name) for metrics in measured]
    return [
        (score is None, score if score is not None else (instead or [])[place]) for place, score in enumerate(scores)
    ]


def _judged(metric: Metric, runs: Mapping[str, list[Run]]) -> dict[str, Any]:
    """Return the medians on fresh seeds, and how ours stands to the best of the peers."""
    medians = {method: median(run.fresh for run in ended) for method, ended in runs.items()}
    best = max((method for method in medians if method != "ours"), key=lambda method: metric.sign * medians[method])
    lead = metric.sign * (medians["ours"] - medians[best])
    verdict = "better" if lead > metric.epsilon else "worse" if lead < -metric.epsilon else "as good"
    return {"metric": metric.name, "better": metric.better, "medians": medians, "best_peer": best, "ours_is": verdict}


if __name__ == "__main__":
    main()
