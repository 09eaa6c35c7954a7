"""The automl strategy against FLAML: four bundled data sets, equal processor time, the score on rows that neither saw.

    .venv/bin/python benchmarks/automl.py --flaml /path/to/python-with-flaml --seconds 60 --seeds 3

FLAML (`pip install "flaml[automl]"`) lives in an environment of its own, as its pins differ from ours. Both have one
thread. Ours may spend so many processor seconds on evaluations, FLAML gets all that ours spent, confirmations included:
its clock is replaced by that of its process, so that a busy machine takes nothing from either. Prints one JSON value:
scores, and how often ours is not worse.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sklearn import datasets

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from improvement.engine.budget import Budget
from improvement.engine.data_targets import LOWER_IS_BETTER, Asked
from improvement.engine.measurement import Stage, Task
from improvement.engine.packages import find_builtin
from improvement.offline.loop import improve
from improvement.offline.plan import Plan
from improvement.sandbox.measure import measure
from improvement.targets.importing import load_table

SETS = {
    "diabetes": (datasets.load_diabetes, "rmse"),
    "digits": (datasets.load_digits, "log_loss"),
    "breast cancer": (datasets.load_breast_cancer, "log_loss"),
    "wine": (datasets.load_wine, "log_loss"),
}
MOST = 100_000
FLAML = """
import json, signal, sys, time, warnings
warnings.filterwarnings("ignore")
time.time = time.process_time
signal.alarm = lambda seconds: signal.setitimer(signal.ITIMER_PROF, seconds)
signal.signal(signal.SIGPROF, lambda *_: signal.raise_signal(signal.SIGALRM))
import numpy, pandas
from flaml import AutoML
from sklearn.metrics import log_loss, root_mean_squared_error
folder, metric, seconds, seed = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
seen, unseen = (pandas.read_csv(f"{folder}/{name}.csv") for name in ("rows", "holdout"))
x, y, u, v = seen.iloc[:, :-1], seen.iloc[:, -1], unseen.iloc[:, :-1], unseen.iloc[:, -1]
task = "regression" if metric == "rmse" else "classification"
auto = AutoML()
began = time.process_time()
auto.fit(x, y, task=task, metric=metric, time_budget=seconds, seed=seed, n_jobs=1, verbose=0, eval_method="cv")
if metric == "rmse":
    score = root_mean_squared_error(v, auto.predict(u))
else:
    score = log_loss(v, numpy.clip(auto.predict_proba(u), 1e-6, 1), labels=sorted(set(y)))
print(json.dumps({"score": score, "best": auto.best_estimator, "seconds": time.process_time() - began}))
"""


def main() -> None:
    """Run the comparison and print it."""
    options = _options()
    found: dict[str, Any] = {}
    for seed in range(options.seeds):
        for name, (load, metric) in SETS.items():
            found.setdefault(name, []).append(_pair(name, load(), metric, seed, options))
    value = {name: _summary(pairs, SETS[name][1]) for name, pairs in found.items()}
    wins = sum(one["not_worse"] for one in value.values())
    print(json.dumps({"sets": value, "not_worse": wins, "seconds": options.seconds, "load": os.getloadavg()[0]}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flaml", default=sys.executable, help="a Python that has flaml[automl]")
    parser.add_argument("--seconds", type=int, default=60, help="processor seconds for ours; FLAML gets what it spent")
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def _pair(name: str, bundled: Any, metric: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Let both sides work on the same rows, and score both on the same others."""
    file = Path(f"{name.replace(' ', '-')}.csv")
    imported = load_table(file, _csv(bundled), Asked("answer", metric=metric), None)
    task = Task(imported.manifest, imported.tree)
    plan = Plan(task, find_builtin("automl"), {}, Budget.of(MOST, cpu_seconds=options.seconds), seed)
    result = improve(plan, workers=1)
    ours = measure(task, result.champion.files, stage=Stage.HOLDOUT, seed=seed).metrics[metric]
    theirs = _flaml(task, metric, result.cpu_seconds, seed, options)
    seconds = {"seconds": result.cpu_seconds, "flaml_seconds": theirs["seconds"]}
    found = {"evaluations": result.evaluations, "flaml_best": theirs["best"]}
    pair = {"ours": ours, "flaml": theirs["score"], **seconds, **found}
    print(json.dumps({"set": name, "seed": seed, **pair}), file=sys.stderr, flush=True)
    return pair


def _csv(bundled: Any) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*(f"x{place}" for place in range(bundled.data.shape[1])), "answer"])
    writer.writerows([*row, answer] for row, answer in zip(bundled.data.tolist(), bundled.target.tolist(), strict=True))
    return out.getvalue().encode()


def _flaml(task: Task, metric: str, seconds: float, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        for path in ("rows.csv", "holdout.csv"):
            Path(folder, path).write_bytes(task.tree[path])
        command = [options.flaml, "-c", FLAML, folder, metric, str(seconds), str(seed)]
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        told = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(told.stdout.strip().splitlines()[-1])
    return answer


def _summary(pairs: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    """Return the mean scores, FLAML's over ours (above 1: ours is better, as all metrics here are lower is better)."""
    assert metric in LOWER_IS_BETTER
    ours, theirs = (sum(pair[side] for pair in pairs) / len(pairs) for side in ("ours", "flaml"))
    ratio = theirs / ours
    return {"metric": metric, "ours": ours, "flaml": theirs, "ratio": ratio, "not_worse": ratio >= 1.0, "pairs": pairs}


if __name__ == "__main__":
    main()
