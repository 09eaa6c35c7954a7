"""The worker that ``random_kills.py`` starts: measures in two threads and tells each beginning and end, a line each.

    python3 benchmarks/random_kills_worker.py FIRST EVALUATIONS

At the end it tells what it holds that it did not hold at the beginning: descriptors, children, mounts.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Outcome, Stage, Task
from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import levels, zygotes
from improvement.sandbox.measure import measure

THREADS = 2
WAIT_SECONDS = 5.0
SOLUTION = """\
import os, time
os._exit = lambda code: time.sleep(600)
def double(number):
    time.sleep(0.01)
    return 2 * number
"""
"""A candidate that does not end by itself when nobody talks to it any more: somebody has to end it."""
EVALUATOR = "def evaluate(candidate, *, seed, stage, case):\n    return {'score': candidate.call('double', seed)}\n"
MANIFEST = """\
[target]
name = "doubles"
[edit]
files = ["solution.py"]
[evaluate]
module = "evaluator.py"
seconds = 5
visible = [{visible}]
[metrics.score]
better = "higher"
"""
TAKEN = "ctypes.py"
"""A file with the name of a module that zygotes hold: programs that bring it along are started from nothing."""


def main() -> None:
    """Measure, and tell."""
    first, evaluations = int(sys.argv[1]), int(sys.argv[2])
    tasks = [_task(""), _task(TAKEN)]
    levels.probe()
    levels.try_zygotes()
    for task in tasks:
        _measured(task, first)  # what is kept for later is there now
    zygotes.retire_all()
    before = _held()
    numbers = iter(range(first, first + evaluations))
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(_work, numbers, tasks) for _ in range(THREADS)]:
            done.result()
    zygotes.retire_all()
    _tell({name: sorted(held - before[name]) for name, held in _settled(before).items()})


def _task(visible: str) -> Task:
    manifest = MANIFEST.format(visible=json.dumps(visible) if visible else "")
    tree = {"countersign.toml": manifest, "solution.py": SOLUTION, "evaluator.py": EVALUATOR}
    tree |= {visible: ""} if visible else {}
    return Task(parse_manifest(manifest), {path: text.encode() for path, text in tree.items()})


def _work(numbers: Any, tasks: list[Task]) -> None:
    for number in numbers:
        _tell({"begun": number})
        began_at = time.monotonic()
        outcome, wrong = _measured(tasks[number % len(tasks)], number)
        _tell({"outcome": outcome, "wrong": wrong, "seconds": time.monotonic() - began_at})


def _measured(task: Task, seed: int) -> tuple[str, bool]:
    """Return how an evaluation ended, and whether it scored what it should not."""
    try:
        result = measure(task, {"solution.py": SOLUTION}, stage=Stage.MEASURE, seed=seed)
    except SandboxUnavailable:
        return "unavailable", False
    expected = {"score": 2.0 * seed} if result.outcome is Outcome.OK else {}
    return (result.cause, dict(result.metrics) != expected)


def _tell(line: dict[str, Any]) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


def _settled(before: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return what this process holds, as soon as it is no more than before, or after a while."""
    until = time.monotonic() + WAIT_SECONDS
    while any(held - before[name] for name, held in _held().items()) and time.monotonic() < until:
        zygotes.retire_all()
        time.sleep(0.02)
    return _held()


def _held() -> dict[str, set[str]]:
    """Return the descriptors, the children (zombies, too) and the mounts of this process."""
    descriptors = {f"{entry.name} {target}" for entry in Path("/proc/self/fd").iterdir() if (target := _target(entry))}
    threads = Path("/proc/self/task").iterdir()
    children = set(itertools.chain.from_iterable((one / "children").read_text().split() for one in threads))
    return {"descriptors": descriptors, "children": children, "worker_mounts": _mounts()}


def _target(descriptor: Path) -> str:
    """Return what is open; nothing for the listing itself, which is closed by now."""
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _mounts() -> set[str]:
    """Return the mounts of every thread: the launcher's has its own."""
    files = Path("/proc/self/task").glob("*/mountinfo")
    return {line for file in files for line in file.read_text().splitlines()}


if __name__ == "__main__":
    main()
