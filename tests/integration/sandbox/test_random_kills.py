"""Whatever is killed, and whenever: no process, mount, file or descriptor is left, and no evaluation hangs or lies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
EVALUATIONS = 150


def test_evaluations_with_random_kills_leave_nothing_and_never_lie() -> None:
    command = [sys.executable, "benchmarks/random_kills.py", "--evaluations", str(EVALUATIONS)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["evaluations"] >= EVALUATIONS
    assert sum(report["kills"].values()) > 10
    assert report["outcomes"]["ok"] > EVALUATIONS / 4
