"""`manage.py test`: everything that is tested, in three stages, with one closing line."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from bootstrap import postgresql, system_packages
from bootstrap.problem import Problem
from bootstrap.system_packages import CHROMIUM, GIT, POSTGRESQL, SystemPackage


@dataclass(frozen=True)
class Stage:
    """One run of pytest, and what it needs from the operating system."""

    name: str
    arguments: tuple[str, ...]
    needs: SystemPackage | None = None


@dataclass(frozen=True)
class Outcome:
    """What a stage came to; the counts are of tests."""

    stage: Stage
    passed: int
    failed: int
    skipped: int
    seconds: float
    status: int


SLOWEST = ("--durations=12", "--durations-min=2")
"""Every stage closes with what took longest."""

STAGES = (
    Stage("units, walls, integration on SQLite", ("-n", "2", "-m", "not e2e"), GIT),
    Stage("integration on PostgreSQL", ("-n", "2", "-m", "database and not e2e", "tests/integration"), POSTGRESQL),
    Stage("real processes and browser", ("-m", "e2e"), CHROMIUM),
)


def run(project: Path, arguments: Sequence[str]) -> int:
    """Run pytest with these arguments, or every stage when there are none; return the exit status."""
    if arguments:
        return subprocess.run(_pytest(arguments), cwd=project, check=False).returncode
    missing = system_packages.install_missing([CHROMIUM, POSTGRESQL, GIT])
    if missing and _continuous_integration():
        raise Problem(f"{system_packages.advice(missing)} (nothing may be left out under CI)")
    outcomes = [_run_stage(project, stage) for stage in STAGES if stage.needs not in missing]
    return _close(outcomes, missing)


def _run_stage(project: Path, stage: Stage) -> Outcome:
    print(f"\n== {stage.name}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="countersign-report-") as directory, _environment(stage) as environment:
        report = Path(directory, "report.xml")
        command = _pytest([*stage.arguments, *SLOWEST, f"--junit-xml={report}"])
        status = subprocess.run(command, cwd=project, env=dict(environment), check=False).returncode
        passed, failed, skipped = _counts(report)
    return Outcome(stage, passed, failed, skipped, time.monotonic() - started, status)


@contextmanager
def _environment(stage: Stage) -> Iterator[Mapping[str, str]]:
    """Give the variables of the stage: nothing of the developer's own database or server, and PostgreSQL if meant."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    programs = system_packages.postgresql() if stage.needs is POSTGRESQL else None
    with postgresql.temporary_server(programs) if programs else nullcontext("") as url:
        yield {**kept, "DATABASE_URL": url}


def _pytest(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


def _counts(report: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped, from pytest's report."""
    if not report.exists():
        return 0, 1, 0
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 (pytest wrote it just now)
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


def _close(outcomes: Sequence[Outcome], missing: Sequence[SystemPackage]) -> int:
    """Print a line per stage and the closing line; return 0 only when every stage that ran was right."""
    print()
    for outcome in outcomes:
        verdict = "ok" if outcome.status == 0 else f"FAILED (pytest ended with {outcome.status})"
        print(f"{outcome.stage.name}: {outcome.passed} passed in {outcome.seconds:.0f} s, {verdict}")
    if missing:
        left_out = [stage.name for stage in STAGES if stage.needs in missing]
        print(f"NOT RUN: {', '.join(left_out)}. {system_packages.advice(missing)}")
    wrong = [outcome for outcome in outcomes if outcome.status]
    failed = max(sum(outcome.failed for outcome in outcomes), len(wrong))
    skipped = sum(outcome.skipped for outcome in outcomes)
    print(f"{sum(outcome.passed for outcome in outcomes)} passed, {failed} failed, {skipped} skipped")
    return 1 if wrong else 0


def _continuous_integration() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}
