"""A small target and a small strategy, written to disk as a person would write them."""

from __future__ import annotations

from pathlib import Path

SOLUTION = "def answer():\n    return {value!r}\n"

MANIFEST = """\
[target]
name = "parabola"
description = "Find the number that scores best."

[edit]
files = ["solution.py"]

[evaluate]
module = "evaluator.py"
seconds = 10
memory_mb = 256

[metrics.score]
better = "{better}"
epsilon = 1e-9
{bound}
[holdout]
module = "holdout.py"
cases = 3
{cheats}"""

EVALUATOR = """\
import random


def evaluate(candidate, *, seed, stage, case):
    x = candidate.call("answer")
    luck = random.Random(f"{{seed}}/{{x!r}}").gauss(0.0, {noise!r}) if {noise!r} else 0.0
    return {{"score": {sign!r} * (x - 3.0) ** 2 + luck}}
"""

HOLDOUT = """\
def evaluate(candidate, *, seed, stage, case):
    x = candidate.call("answer")
    return {{"score": {sign!r} * abs(x - {best!r} - 0.01 * case)}}
"""

STRATEGY = """\
name = "step"
version = "0.1.0"
description = "Steps from the best number seen."
generation = 4

[parameters]
mode = "climb"
"""

MAIN = """\
import json
import os
import random
import sys

SOLUTION = "def answer():\\n    return {value!r}\\n"
generator, best, score, mode, asked, decided = random.Random(), 0.0, None, "", 0, []


def propose(count):
    if mode == "once":
        count = count if asked == 1 else 0
    values = [best + generator.gauss(0.0, 1.0) for _ in range(count)]
    if mode == "forget":
        values = [int.from_bytes(os.urandom(4), "big") / 2**32 for _ in range(count)]
    if mode == "repeat":
        values = [1.0] * count
    if mode == "broken":
        return [{"files": {"solution.py": "def answer(:"}} for _ in values]
    if mode == "outside":
        return [{"files": {"solution.py": SOLUTION.format(value=v), "evaluator.py": "x = 1"}} for v in values]
    note = json.dumps(decided)
    return [{"files": {"solution.py": SOLUTION.format(value=v)}, "operator": "step", "note": note} for v in values]


def learn(message):
    global best, score
    decided.extend(message["decisions"])
    for result in message["results"]:
        value = values_of.pop(result["number"])
        if result["outcome"] == "ok" and (score is None or sign * result["score"] > sign * score):
            best, score = value, result["score"]


def number_of(files):
    return float(files["solution.py"].split()[-1]) if files["solution.py"].startswith("def answer():") else 0.0


values_of, number, sign = {}, 0, 1.0
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "init":
        mode = message["parameters"]["mode"]
        sign = 1.0 if message["task"]["metric"]["better"] == "higher" else -1.0
        score = message["task"]["score"]
        generator.seed(message["seed"])
        if message["state"]:
            best, score, asked, number, decided, state = json.loads(message["state"])
            generator.setstate((state[0], tuple(state[1]), state[2]))
        answer = {"type": "ready", "name": "step", "version": "0.1.0"}
    elif message["type"] == "ask":
        asked += 1
        proposals = propose(message["count"])
        for proposal in proposals:
            values_of[number] = number_of(proposal["files"])
            number += 1
        answer = {"type": "proposals", "proposals": proposals}
    elif message["type"] == "tell":
        learn(message)
        answer = {"type": "ok"}
    else:
        state = json.dumps([best, score, asked, number, decided, generator.getstate()])
        answer = {"type": "state", "state": state}
    print(json.dumps(answer), flush=True)
"""


def write_task(
    folder: Path,
    *,
    better: str = "higher",
    noise: float = 0.0,
    bound: float | None = None,
    holdout_best: float = 3.0,
    solution: str = SOLUTION.format(value=0.0),
    cheat: str = "",
) -> Path:
    """Write the target: the score is the (negative) squared distance from 3, with noise that depends on the seed."""
    folder.mkdir()
    sign = -1.0 if better == "higher" else 1.0
    bounded = f"bound = {bound!r}\n" if bound is not None else ""
    cheats = '[cheats]\nknown = "cheat.py"\n' if cheat else ""
    manifest = MANIFEST.format(better=better, bound=bounded, cheats=cheats)
    (folder / "countersign.toml").write_text(manifest)
    (folder / "solution.py").write_text(solution)
    (folder / "evaluator.py").write_text(EVALUATOR.format(noise=noise, sign=sign))
    (folder / "holdout.py").write_text(HOLDOUT.format(sign=sign, best=holdout_best))
    if cheat:
        (folder / "cheat.py").write_text(cheat)
    return folder


def write_strategy(folder: Path) -> Path:
    """Write the strategy; its setting ``mode`` makes it climb, repeat itself, stop, break, or leave its bounds."""
    folder.mkdir()
    (folder / "strategy.toml").write_text(STRATEGY)
    (folder / "main.py").write_text(MAIN)
    return folder
