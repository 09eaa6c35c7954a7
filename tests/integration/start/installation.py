"""A real `manage.py up` in a temporary data directory, watched from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.architecture.sources import PROJECT
from tests.waiting import wait_until

START_SECONDS = 60.0
_OURS = frozenset({"DJANGO_SETTINGS_MODULE", "COUNTERSIGN_DATA", "DATABASE_URL", "REDIS_URL", "DISPLAY"})


@dataclass
class Installation:
    """The running command and what it has printed so far."""

    data: Path
    command: subprocess.Popen[str]
    output: IO[str]

    @property
    def link(self) -> str:
        """Return the sign-in link, waiting until it is printed."""
        return self.wait_for(r"Sign in \(one use\): (\S+)")[1]

    @property
    def url(self) -> str:
        return self.link.partition("/enter/")[0]

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the first match in what was printed, waiting for it."""

        def found() -> re.Match[str] | None:
            return re.search(pattern, self.text())

        wait_until(
            lambda: found() or self.command.poll() is not None, seconds=START_SECONDS, what=f"{pattern} is printed"
        )
        match = found()
        assert match is not None, self.text()
        return match

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line on this data directory."""
        return subprocess.run(
            [sys.executable, str(PROJECT / "manage.py"), *arguments],
            env=environment(COUNTERSIGN_DATA=str(self.data)),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def text(self) -> str:
        return Path(self.output.name).read_text()

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a page; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self) -> dict[str, Any]:
        """Return what /readyz says; an empty answer while nobody gives one."""
        status, body = self.get("/readyz")
        return json.loads(body) if status in {200, 503} else {}

    def processes(self) -> dict[int, str]:
        """Return every live process of this data directory but the command itself: number and command line."""
        mark = f"COUNTERSIGN_DATA={self.data}".encode()
        found = {}
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                environment = (directory / "environ").read_bytes().split(b"\0")
                arguments = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it ended while we looked
            if mark in environment and int(directory.name) != self.command.pid:
                found[int(directory.name)] = arguments
        return found

    def sandboxes(self) -> list[str]:
        """Return the command line of every sandbox that a process of this installation started."""
        parents, tools = {}, {}
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it ended while we looked
                status = (directory / "status").read_text()
                parents[int(directory.name)] = int(re.search(r"PPid:\s+(\d+)", status)[1])  # type: ignore[index]
                if status.startswith("Name:\tbwrap"):
                    tools[int(directory.name)] = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return [arguments for number, arguments in tools.items() if self.command.pid in _ancestors(number, parents)]

    def pool(self, queue: str) -> list[int]:
        """Return the processes that carry out the tasks of a queue: the worker's children."""
        found = [number for number, arguments in self.processes().items() if f"--queues={queue}" in arguments]
        return [number for number in found if number != min(found)]

    def kill(self, what: str) -> None:
        """Kill the first process whose command line contains these words."""
        os.kill(min(number for number, arguments in self.processes().items() if what in arguments), signal.SIGKILL)


def _ancestors(number: int, parents: dict[int, int]) -> Iterator[int]:
    while number := parents.get(number, 0):
        yield number


def up(*arguments: str, data: Path) -> list[str]:
    """Return the command line that starts everything on a free port."""
    return [
        sys.executable,
        str(PROJECT / "manage.py"),
        "up",
        "--data",
        str(data),
        "--no-browser",
        *arguments,
    ]


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what the tests' own settings put there."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**kept, "COUNTERSIGN_ENV_FILE": os.devnull, **more}


@contextmanager
def running(tmp_path: Path, *, before: tuple[str, ...] = (), demo: bool = False) -> Iterator[Installation]:
    """Start everything and give it; whatever happens, nothing of it is left afterwards."""
    data = tmp_path / "data"
    with Path(tmp_path, "output.txt").open("w") as output:
        options = ["--port", "0", "--workers", "1", *([] if demo else ["--no-demo"])]
        arguments = [*before, *up(*options, data=data)]
        command = subprocess.Popen(arguments, env=environment(), stdout=output, stderr=subprocess.STDOUT)
        installation = Installation(data, command, output)
        try:
            yield installation
        finally:
            command.kill()
            command.wait()
            wait_until(lambda: not installation.processes(), seconds=10, what="every process is gone")
