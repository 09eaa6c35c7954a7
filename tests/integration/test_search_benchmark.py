"""The benchmark of searches: every method of a contest spends the same, and the same seeds give the same figures."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

VALUES = {"ours", "random", "optuna", "cmaes"}
PIPELINES = {"ours", "random", "optuna"}


@pytest.mark.parametrize(
    ("target", "methods"), [("circle_packing", VALUES), ("cartpole", VALUES), ("diabetes", PIPELINES)]
)
def test_every_method_spends_the_same_and_is_judged_alike(target: str, methods: set[str]) -> None:
    figure = _held(target)
    assert figure["runs"].keys() == figure["medians"].keys() == methods
    assert [run["evaluations"] for runs in figure["runs"].values() for run in runs] == [3] * len(methods)
    assert figure["ours_is"] in {"better", "as good", "worse"}


def test_the_same_seeds_give_the_same_figures() -> None:
    first, again = _held("cartpole"), _held("cartpole")
    assert first["runs"] == again["runs"]


def _held(target: str) -> dict:
    """Return the figures of a small contest."""
    options = ["--only", target, "--evaluations", "3", "--seeds", "1", "--fresh", "1"]
    ended = subprocess.run(
        [sys.executable, "benchmarks/search.py", *options], check=True, capture_output=True, text=True, timeout=110
    )
    return json.loads(ended.stdout)["targets"][target]
