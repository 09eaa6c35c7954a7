"""An installation as a person at a terminal has it: a data directory, and commands in processes of their own."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pygit2
from django.core.management import call_command

ROOT = Path(__file__).parents[3]
_OF_THE_TEST_SESSION = {"DATABASE_URL", "REDIS_URL", "SANDBOX_MIN_LEVEL", "COUNTERSIGN_DATA"}

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
better = "higher"
epsilon = 1e-9
bound = 0.0

[holdout]
module = "holdout.py"
cases = 2
"""
EVALUATOR = """\
def evaluate(candidate, *, seed, stage, case):
    return {"score": -((candidate.call("answer") - 3.0) ** 2)}
"""
UNSTEADY_EVALUATOR = """\
import time


def evaluate(candidate, *, seed, stage, case):
    return {"score": -((candidate.call("answer") - 3.0) ** 2) - time.perf_counter_ns() % 1000003}
"""
HOLDOUT = """\
def evaluate(candidate, *, seed, stage, case):
    return {"score": -abs(candidate.call("answer") - 3.0 - 0.01 * case)}
"""
SOLUTION = "def answer():\n    return {value!r}\n"


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The one JSON value on the standard output."""
        assert self.out.count("\n") == 1, self
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The refusal that was printed as JSON."""
        assert self.status == 1, self
        refused: dict[str, str] = self.value["error"]
        return refused


@dataclass(frozen=True)
class Console:
    """A terminal in front of one data directory, with no server running."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, typed: str = "") -> Done:
        """Run ``manage.py`` with these arguments, and ``typed`` as its standard input."""
        return self._run([sys.executable, "manage.py", *map(str, arguments)], typed)

    def json(self, *arguments: str | Path, typed: str = "") -> Any:
        """Run a command that must succeed, with ``--json``, and return what it prints."""
        done = self.run(*arguments, "--json", typed=typed)
        assert (done.status, done.err) == (0, ""), done
        return done.value

    def verify(self, *arguments: str | Path) -> Done:
        """Run the offline verifier alone."""
        return self._run([sys.executable, "-m", "improvement.ledger.verify", *map(str, arguments)], "")

    def set_password(self, name: str, password: str) -> None:
        """Give somebody a password, as the page after the first sign-in does."""
        code = (
            "import django; django.setup();"
            "from django.utils.timezone import now; from improvement.selectors.people import by_name;"
            "from improvement.services.actors import human; from improvement.services.people import set_password;"
            f"set_password({password!r}, current=None, actor=human(by_name({name!r})), now=now())"
        )
        done = self._run([sys.executable, "-c", code], "")
        assert done.status == 0, done

    def _run(self, command: list[str], typed: str) -> Done:
        kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_TEST_SESSION}
        own = {
            "COUNTERSIGN_DATA": str(self.data),
            "COUNTERSIGN_ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
        }
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**kept, **own, **self.environment},
            input=typed,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


def said(*arguments: str) -> Any:
    """Run a command in this process, on the test's own database, and return the JSON value that it prints."""
    printed = io.StringIO()
    call_command(*arguments, "--json", stdout=printed)
    return json.loads(printed.getvalue())


def refusal(*arguments: str) -> dict[str, str]:
    """Run a command in this process, on the test's own database, and return the refusal that it prints."""
    printed = io.StringIO()
    try:
        call_command(*arguments, "--json", stdout=printed)
    except SystemExit as ended:
        return Done(int(ended.code or 0), printed.getvalue(), "").error
    raise AssertionError(f"{arguments} was not refused: {printed.getvalue()}")


def copy_of(console: Console, folder: Path) -> Console:
    """Return an installation of its own with everything that another one has."""
    shutil.copytree(console.data, folder / "data")
    return Console(folder / "data", console.environment)


def write_task(folder: Path, *, value: float = 0.5, evaluator: str = EVALUATOR, manifest: str = MANIFEST) -> Path:
    """Write the target as a person would: the score is the negative squared distance of one number from 3."""
    folder.mkdir()
    (folder / "countersign.toml").write_text(manifest)
    (folder / "solution.py").write_text(SOLUTION.format(value=value))
    (folder / "evaluator.py").write_text(evaluator)
    (folder / "holdout.py").write_text(HOLDOUT)
    return folder


def clone(source: Path, folder: Path) -> pygit2.Repository:
    """Clone a target's repository, as somebody who wants to edit it does."""
    return pygit2.clone_repository(str(source), str(folder))


def commit(repo: pygit2.Repository, files: dict[str, str]) -> str:
    """Commit some changed files in a clone and return the commit."""
    for path, text in files.items():
        (Path(repo.workdir) / path).write_text(text)
        repo.index.add(path)
    repo.index.write()
    somebody = pygit2.Signature("Somebody", "somebody@example.org")
    tree, parents = repo.index.write_tree(), [repo.head.target]
    return str(repo.create_commit("HEAD", somebody, somebody, "An edit by hand\n", tree, parents))
