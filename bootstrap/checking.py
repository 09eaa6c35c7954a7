"""`manage.py checks`: what a change must satisfy before anybody looks at it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Check:
    """A program of the virtual environment, whose status says whether all is well, and what repairs most findings."""

    name: str
    command: tuple[str, ...]
    repair: str = ""


CHECKS = (
    Check("style", ("ruff", "check", "--quiet", "."), "ruff check --fix"),
    Check("format", ("ruff", "format", "--check", "--quiet", "."), "ruff format"),
    Check("types", ("mypy",)),
    Check("walls between modules", ("lint-imports",)),
    Check("settings", ("python", "manage.py", "check", "--fail-level", "WARNING")),
    Check("migrations", ("python", "manage.py", "makemigrations", "--check", "--dry-run"), "makemigrations -n NAME"),
    Check("settings page", ("python", "manage.py", "docs", "--check"), "manage.py docs"),
    Check("states page", ("python", "manage.py", "states", "--check"), "manage.py states"),
)


def run(project: Path) -> int:
    """Run every check, show what the failing ones say, and return 1 when there is one."""
    with tempfile.TemporaryDirectory(prefix="countersign-checks-") as data:
        environment = {**os.environ, "COUNTERSIGN_DATA": data, "COUNTERSIGN_ENV_FILE": os.devnull}
        failed = [check.name for check in CHECKS if not _passes(check, project, environment)]
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def _passes(check: Check, project: Path, environment: dict[str, str]) -> bool:
    started = time.monotonic()
    program, *arguments = check.command
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    answer = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    verdict = "ok" if answer.returncode == 0 else "FAILED"
    print(f"{check.name:24} {verdict:7} {time.monotonic() - started:5.1f} s", flush=True)
    if answer.returncode:
        hint = f"Most of this is repaired by: {check.repair}\n" if check.repair else ""
        print(f"{answer.stdout}{answer.stderr}{hint}", flush=True)
    return answer.returncode == 0
