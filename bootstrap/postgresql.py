"""A PostgreSQL server for tests: in a temporary directory, on a socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.problem import Problem

_SECONDS_TO_START = 30.0


@contextmanager
def temporary_server(programs: Path) -> Iterator[str]:
    """Start a server of these programs and give its URL; it keeps nothing and forgets how to be durable, for speed."""
    directory = Path(tempfile.mkdtemp(prefix="countersign-pg-"))
    try:
        account = _unprivileged(directory)
        data = directory / "data"
        _initialise(programs, data, account)
        with subprocess.Popen(_command(programs, data, directory), stdin=subprocess.DEVNULL, **account) as server:
            try:
                _wait(programs, directory, server)
                yield f"postgresql://countersign@/countersign?host={directory}"
            finally:
                server.send_signal(signal.SIGINT)  # a "fast" stop: SIGTERM would wait for clients that tests left
                server.wait(timeout=10)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _command(programs: Path, data: Path, directory: Path) -> list[str]:
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(directory), "-c", "listen_addresses="]
    for setting in ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "log_min_messages=panic"):
        command += ["-c", setting]
    if setpriv := shutil.which("setpriv"):  # stops the server when the tests are killed
        command = [setpriv, "--pdeathsig", "INT", *command]
    return command


def _unprivileged(directory: Path) -> dict[str, Any]:
    """Return how to start a process as the package's own user: the server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        account = pwd.getpwnam("nobody")
    os.chown(directory, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": directory}


def _initialise(programs: Path, data: Path, account: dict[str, Any]) -> None:
    command = [str(programs / "initdb"), "-D", str(data), "--auth=trust", "--username=countersign", "--no-sync"]
    answer = subprocess.run(
        [*command, "--encoding=UTF8", "--locale=C"], capture_output=True, text=True, check=False, **account
    )
    if answer.returncode:
        raise Problem(f"PostgreSQL could not make a database directory: {answer.stderr.strip()}")


def _wait(programs: Path, directory: Path, server: subprocess.Popen[bytes]) -> None:
    ready = [str(programs / "pg_isready"), "-q", "-h", str(directory), "-U", "countersign"]
    deadline = time.monotonic() + _SECONDS_TO_START
    while subprocess.run(ready, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise Problem("PostgreSQL did not start for the tests; its messages are above.")
        time.sleep(0.05)
