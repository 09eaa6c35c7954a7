"""How near an online learner comes, after a drift, to a model that is retrained from scratch.

    python3 benchmarks/online.py [--budget N] [--seed K] [--streams N]

A run of the strategy ``online`` on ``examples/stream`` finds a rule. On streams of the holdout, in orders that the run
never saw, the rule follows the whole stream; the last predictions of each stream are compared with those of a
multinomial logistic regression that is fitted anew, to convergence, to everything since the last drift whose label
had arrived. Prints one JSON value: accuracies in per cent and their paired differences.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "examples" / "stream"))
sys.path.insert(2, str(Path(__file__).resolve().parents[1] / "improvement" / "sandbox" / "inside" / "shims"))

import numpy as np
from learning import Learner
from prequential import DELAY, run
from rules import Rule, read
from scipy.optimize import minimize
from stream import Segments, Stream, recorded

from improvement.engine.budget import Budget
from improvement.engine.measurement import Task
from improvement.engine.packages import find_builtin
from improvement.offline import Plan, improve
from improvement.offline.result import OfflineResult
from improvement.targets.importing import load

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "stream"
LAST = 150
"""Predictions at the end of a stream that are compared."""
PENALTY = 0.01
STREAMS = ("abrupt", "gradual", "returning")
WITHIN = 2.0


def main() -> None:
    """Find a rule, compare it, and print what came of it."""
    options = _options()
    found = _improved(options.budget, options.seed)
    start, rule = (_rule(standing.files["rule.py"]) for standing in (found.start, found.champion))
    rows = {name: _compared(name, start, rule, options.streams) for name in STREAMS}
    worst = min(row["difference"] for row in rows.values())
    figures = {
        "evaluations": found.evaluations,
        "score": {"start": found.start.score, "champion": found.champion.score},
        "rule": vars(rule),
        "streams": options.streams,
        "compared_predictions": LAST,
        "after_drift": rows,
        "worst_difference": worst,
        "within_two_points": worst >= -WITHIN,
    }
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare an online learner with retraining after drifts.")
    parser.add_argument("--budget", type=int, default=160)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--streams", type=int, default=8)
    return parser.parse_args()


def _improved(budget: int, seed: int) -> OfflineResult:
    imported, package = load(EXAMPLE), find_builtin("online")
    task = Task(imported.manifest, imported.tree)
    return improve(Plan(task, package, package.settings({}), Budget.of(budget), seed))


def _rule(text: str) -> Rule:
    """Read a rule without running it: its settings are literals."""
    assigned = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    return read({node.targets[0].id.lower(): ast.literal_eval(node.value) for node in assigned})


def _compared(name: str, start: Rule, rule: Rule, streams: int) -> dict[str, Any]:
    segments = Segments()
    rows = [_one(segments, recorded(segments, name, f"benchmark {seed}"), start, rule) for seed in range(streams)]
    online, retrained, unchanged = np.array(rows).T
    differences = online - retrained
    return {
        "online": round(float(online.mean()), 2),
        "retrained": round(float(retrained.mean()), 2),
        "start_rule": round(float(unchanged.mean()), 2),
        "difference": round(float(differences.mean()), 2),
        "standard_error": round(float(differences.std(ddof=1) / np.sqrt(streams)), 2),
    }


def _one(segments: Segments, stream: Stream, start: Rule, rule: Rule) -> tuple[float, float, float]:
    shape = len(segments.names), len(segments.categories)
    online, before = (100 * run(Learner(one, *shape), stream).right[-LAST:].mean() for one in (rule, start))
    begin, end = stream.drifts[-1], len(stream.y) - LAST
    weights = fitted(stream.x[begin : end - DELAY], stream.y[begin : end - DELAY], shape[1])
    answers = np.argmax(_with_one(stream.x[end:]) @ weights.T, axis=1)
    return float(online), float(100 * (answers == stream.y[end:]).mean()), float(before)


def fitted(x: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """Return the weights (classes, measurements + 1) of a logistic regression, fitted to convergence."""
    inputs, wanted = _with_one(x), np.eye(classes)[y]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(classes, -1)
        scores = inputs @ weights.T
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances = odds / odds.sum(axis=1, keepdims=True)
        slope = (chances - wanted).T @ inputs / len(y) + PENALTY * weights
        fit = -np.log((chances * wanted).sum(axis=1) + 1e-12).mean()
        return float(fit + PENALTY / 2 * (weights**2).sum()), slope.ravel()

    return minimize(loss, np.zeros(classes * inputs.shape[1]), jac=True, method="L-BFGS-B").x.reshape(classes, -1)


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.hstack([x, np.ones((len(x), 1))])


if __name__ == "__main__":
    main()
