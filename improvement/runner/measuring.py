"""A measurement that a person or a command waits for: refused under halt, and ended when that begins."""

from __future__ import annotations

from collections.abc import Mapping

from improvement import installation
from improvement.engine.measurement import Measurement, Stage, Task
from improvement.exceptions import Halted
from improvement.sandbox.measure import measure


def measure_now(task: Task, files: Mapping[str, str], *, stage: Stage, seed: int, case: int = 0) -> Measurement:
    """Measure at once; raises ``Halted`` while everything is stopped, also when that begins in the middle."""
    flag = installation.halt_file()
    if not flag.exists():
        measurement = measure(task, files, stage=stage, seed=seed, case=case, stop=flag.exists)
        if measurement.cause != "stopped":
            return measurement
    raise Halted("Everything is stopped: nothing is measured until people lift that (`manage.py resume`, or any page).")
