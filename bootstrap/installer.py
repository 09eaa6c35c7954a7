"""Installing pinned packages, with uv where there is one and pip otherwise, while one line tells how far it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from bootstrap.problem import Problem

_HANDLED = re.compile(r"(Collecting|Requirement already satisfied:|Ignoring) (?P<package>[\w.\-]+)")
_SECONDS_BETWEEN_LINES = 10.0


@dataclass
class Progress:
    """One line on a terminal, rewritten; a line now and then anywhere else."""

    label: str
    total: int
    output: TextIO = field(default_factory=lambda: sys.stderr)
    seen: set[str] = field(default_factory=set)
    installing: bool = False
    started: float = field(default_factory=time.monotonic)
    shown: float = 0.0

    def note(self, line: str) -> None:
        """Take in one line of the installer's output."""
        if handled := _HANDLED.match(line):
            self.seen.add(handled["package"])
        self.installing = self.installing or line.startswith("Installing collected packages")

    def show(self, *, last: bool = False) -> None:
        """Write how far it is, unless that was just done."""
        now = time.monotonic()
        if self.output.isatty():
            end = "\n" if last else ""
            self.output.write(f"\r\x1b[K{self._text(now, last=last)}{end}")
        elif last or now - self.shown >= _SECONDS_BETWEEN_LINES or not self.shown:
            self.output.write(f"{self._text(now, last=last)}\n")
            self.shown = now
        self.output.flush()

    def _text(self, now: float, *, last: bool) -> str:
        seconds = f"{now - self.started:.0f} s"
        if last:
            return f"{self.label}: {self.total} packages in {seconds}"
        if self.installing:
            return f"{self.label}: unpacking {self.total} packages, {seconds}"
        count = f"{min(len(self.seen), self.total)} of {self.total}" if self.seen else f"{self.total}"
        return f"{self.label}: {count} packages, {seconds}"


@dataclass(frozen=True)
class Installer:
    """What installs into the environment of ``python``: uv when its path is known, that environment's pip otherwise."""

    python: Path
    uv: str | None

    @classmethod
    def find(cls, python: Path) -> Installer:
        """Return uv when it is on PATH, pip otherwise."""
        return cls(python, shutil.which("uv"))

    def install(self, requirements: Path) -> None:
        """Install exactly the pinned files, wheels only, checked by hash; raises Problem when that fails."""
        progress = Progress(
            f"Installing {requirements.name} into {_short(self.python.parent.parent)}", _pins(requirements)
        )
        if self.uv and not _run(self._with_uv(requirements), progress):
            progress.show(last=True)
            return
        self._ensure_pip()
        errors = _run(self._with_pip(requirements), progress)
        if errors:
            raise Problem(_explanation(requirements, errors))
        progress.show(last=True)

    def _with_uv(self, requirements: Path) -> list[str]:
        command = [str(self.uv), "pip", "install", "--python", str(self.python), "--no-progress"]
        return [*command, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]

    def _with_pip(self, requirements: Path) -> list[str]:
        command = [str(self.python), "-m", "pip", "install", "--progress-bar", "off", "--disable-pip-version-check"]
        return [*command, "--no-input", "--require-hashes", "--only-binary=:all:", "-r", str(requirements)]

    def _ensure_pip(self) -> None:
        """Put pip into an environment that uv made without it, for when uv cannot reach its index and pip can."""
        if subprocess.run([self.python, "-c", "import pip"], capture_output=True, check=False).returncode:
            subprocess.run([self.python, "-m", "ensurepip"], capture_output=True, check=False)


def _run(command: Sequence[str], progress: Progress) -> list[str]:
    """Run the installer and return what it complained about: nothing when it succeeded."""
    lines: list[str] = []

    def read(output: TextIO) -> None:
        for line in output:
            lines.append(line.rstrip())
            progress.note(line)

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=read, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            while process.poll() is None:
                progress.show()
                time.sleep(0.2)
        finally:
            process.terminate()
            process.wait()
        reader.join()
    if process.returncode == 0:
        return []
    return [line for line in lines if "error" in line.lower()] or lines[-1:] or ["no reason given"]


def _explanation(requirements: Path, errors: Sequence[str]) -> str:
    reason = errors[-1].removeprefix("ERROR:").strip().rstrip(".")
    return (
        f"The packages of {requirements.name} could not be installed: {reason}. "
        "Check that this machine reaches a package index, then run the same command again; it starts over cleanly."
    )


def _pins(requirements: Path) -> int:
    return sum(1 for line in requirements.read_text().splitlines() if "==" in line and not line.startswith((" ", "#")))


def _short(directory: Path) -> str:
    try:
        return str(directory.relative_to(Path.cwd()))
    except ValueError:
        return str(directory)
