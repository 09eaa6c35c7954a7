"""The texts of the small target: one function that answers a number; the larger, the better."""

from __future__ import annotations

NOISE = 0.01
BOUND = 100.0

MANIFEST = f"""\
[target]
name = "small"
description = "The larger the number, the better."
kind = "code"

[edit]
files = ["f.py", "NOTES"]

[evaluate]
module = "evaluator.py"
seconds = 5
memory_mb = 256

[metrics.score]
better = "higher"
epsilon = 1e-9
bound = {BOUND}

[holdout]
module = "holdout.py"
cases = 2
"""

EVALUATOR = f"""\
import random


def evaluate(candidate, *, seed, stage, case):
    value = candidate.call("number")
    return {{"score": value + random.Random(f"{{seed}}/{{value!r}}").gauss(0.0, {NOISE})}}
"""

HOLDOUT = """\
def evaluate(candidate, *, seed, stage, case):
    return {"score": candidate.call("number") * (case + 1)}
"""

PROGRAM = "def number():\n    return {value!r}\n"
