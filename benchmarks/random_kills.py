"""What is left when processes of the sandbox, and the worker itself, are killed at random: nothing may be.

    python3 benchmarks/random_kills.py [--evaluations N] [--seed N]

A worker measures one native target again and again in two threads, in turns forked and started from nothing. Meanwhile
zygotes, jobs, programs, bubblewraps and now and then the worker are killed with SIGKILL; a killed worker is started
again. The last worker is left alone and ends by itself. Prints one JSON value; the exit status is 1 when something
was left, hung, or scored wrongly.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from improvement.sandbox import memory  # noqa: E402

WORKER = "random_kills_worker.py"
PR_SET_CHILD_SUBREAPER = 36
SHORTEST_PAUSE, LONGEST_PAUSE = 0.005, 0.15
WEIGHTS = {"bubblewrap": 1, "zygote": 1, "job": 4, "program": 4}
WORKERS_SHARE = 0.03
"""How many of the kills hit the worker itself."""
LAST_EVALUATIONS = 4
HUNG_SECONDS = 30.0
GRACE_SECONDS = 5.0


@dataclass
class Tally:
    """What the workers told."""

    begun: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    longest_seconds: float = 0.0
    told_at: float = field(default_factory=time.monotonic)
    last: dict[str, Any] = field(default_factory=dict)

    def take(self, told: dict[str, Any]) -> None:
        """Take one line of a worker's."""
        self.told_at = time.monotonic()
        if "begun" in told:
            self.begun += 1
        elif "outcome" in told:
            self.outcomes[told["outcome"]] += 1
            self.wrong += told["wrong"]
            self.longest_seconds = max(self.longest_seconds, told["seconds"])
        else:
            self.last = told


class Worker:
    """A worker process, and what it tells."""

    def __init__(self, first: int, evaluations: int, folder: str, tally: Tally) -> None:
        self._tally = tally
        self.is_measuring = False
        command = [sys.executable, str(ROOT / "benchmarks" / WORKER), str(first), str(evaluations)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": folder})
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(json.JSONDecodeError):  # it was killed while it wrote
                self._tally.take(json.loads(line))
            self.is_measuring = True

    @property
    def runs(self) -> bool:
        """Whether it has not ended; one that is silent for too long counts as hung, and is ended."""
        if time.monotonic() - self._tally.told_at > HUNG_SECONDS:
            self._tally.outcomes["hung"] += 1
            self.process.kill()
            self.process.wait()
        return self.process.poll() is None

    def wait(self) -> int:
        """Wait until it ends, and return its exit status."""
        while self.runs:
            time.sleep(SHORTEST_PAUSE)
        self._listener.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.returncode


def main() -> None:
    """Kill, count, look for what is left, and print it."""
    parser = argparse.ArgumentParser(description="Kill processes of the sandbox at random and see what is left.")
    parser.add_argument("--evaluations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report = killed_at_random(options.evaluations, options.seed)
    print(json.dumps(report, indent=2))
    sys.exit(1 if report["wrong_scores"] or report["outcomes"].get("hung") or any(report["left"].values()) else 0)


def killed_at_random(evaluations: int, seed: int) -> dict[str, Any]:
    """Begin so many evaluations under random kills, then a few in peace; return what happened and what is left."""
    chance = random.Random(seed)
    tally, kills, began_at = Tally(), Counter[str](), time.monotonic()
    mounts = Path("/proc/self/mountinfo").read_text()
    with _adopting(), tempfile.TemporaryDirectory() as folder:
        while tally.begun < evaluations:
            worker = Worker(tally.begun, evaluations - tally.begun, folder, tally)
            _kill_around(worker, chance, kills)
        status = Worker(tally.begun, LAST_EVALUATIONS, folder, tally).wait()
        left = {
            "processes": _left_processes(),
            "files": [entry.name for entry in Path(folder).iterdir()],
            "mounts": Path("/proc/self/mountinfo").read_text() != mounts,
            "last_worker": {"status": status} if status else {},
            **tally.last,
        }
    return {
        "evaluations": tally.begun,
        "kills": dict(kills),
        "outcomes": dict(tally.outcomes),
        "wrong_scores": tally.wrong,
        "longest_seconds": round(tally.longest_seconds, 2),
        "left": left,
        "seconds": round(time.monotonic() - began_at, 1),
    }


def _kill_around(worker: Worker, chance: random.Random, kills: Counter[str]) -> None:
    """Kill what belongs to a worker at random moments, until it has ended by itself or was killed."""
    while worker.runs:
        time.sleep(chance.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))
        if chance.random() < WORKERS_SHARE:
            worker.process.kill()
            kills["worker"] += 1
            break
        if worker.is_measuring:  # before, it tries what this machine can hold, and a kill would be an answer
            kills.update(_kill_one(worker.process.pid, chance))
    worker.wait()


def _kill_one(worker: int, chance: random.Random) -> list[str]:
    """Kill one process below the worker, rather what evaluates than what starts it; return its kind."""
    kinds: dict[str, list[int]] = {}
    for pid in memory.processes(worker):
        if pid != worker and (kind := _kind(pid)):
            kinds.setdefault(kind, []).append(pid)
    if not kinds:
        return []
    kind = chance.choices(sorted(kinds), [WEIGHTS[one] for one in sorted(kinds)])[0]
    pid = chance.choice(kinds[kind])
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            if _kind(pid) == kind:  # it is still the one that was seen
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                return [kind]
        finally:
            os.close(descriptor)
    return []


def _kind(pid: int) -> str:
    """Tell what a process of the sandbox is, by what it runs and how deep in namespaces it lives."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""
    if b"/inside/enter.pyc" not in command:
        return ""
    numbers = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
    if name == "bwrap":
        return "bubblewrap"
    if b"\0zygote\0" not in command:
        return "program"
    return "job" if len(numbers) > 2 else "zygote"


@contextmanager
def _adopting() -> Iterator[None]:
    """Let processes whose parents were killed become this process's children, where they can be counted."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _left_processes() -> list[str]:
    """Bury what has ended, as the first process of a machine does; name, and end, what is left after a while."""
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(SHORTEST_PAUSE)
        except ChildProcessError:
            return []
    others = [pid for pid in memory.processes(os.getpid()) if pid != os.getpid()]
    names = [f"{pid} {Path(f'/proc/{pid}/comm').read_text().strip()}" for pid in others]
    for pid in others:
        os.kill(pid, signal.SIGKILL)
    return names


if __name__ == "__main__":
    main()
