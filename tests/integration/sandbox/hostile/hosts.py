"""What the host has that an attempt may aim at."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from improvement.sandbox import launcher, trees
from improvement.sandbox.runtime import Bind
from tests.integration.sandbox.hostile.snippet import Host

EVERYBODY = 0o777
OUTSIDE_SCRATCH = "/var/tmp"  # where root's launcher sees it too


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=OUTSIDE_SCRATCH) as name:
        Path(name).chmod(EVERYBODY)
        yield Path(name)


@contextmanager
def readable_file() -> Iterator[Host]:
    """Hold a file that every user of the host may read."""
    with _folder() as folder:
        secret = folder / "secret"
        secret.write_text("do not tell")
        yield Host(str(secret))


@contextmanager
def evaluator_tree() -> Iterator[Host]:
    """Hold the files of an evaluator."""
    yield Host(trees.shared().put("evaluator-of-another", lambda: {"expected.txt": b"42"}))


@contextmanager
def given_folder() -> Iterator[Host]:
    """Give a folder to read in which everybody may write."""
    with _folder() as folder:
        yield Host(str(folder), (Bind(str(folder), "/job/given"),), lambda: any(folder.iterdir()))


@contextmanager
def socket_in_a_folder() -> Iterator[Host]:
    """Listen at a path, as a database or a container service does."""
    with _folder() as folder, socket.socket(socket.AF_UNIX) as listening:
        path = folder / "socket"
        listening.bind(str(path))
        path.chmod(EVERYBODY)
        listening.listen()
        yield Host(str(path))


@contextmanager
def abstract_socket() -> Iterator[Host]:
    """Listen at an abstract address."""
    with socket.socket(socket.AF_UNIX) as listening:
        name = f"\0countersign-{uuid.uuid4().hex}"
        listening.bind(name)
        listening.listen()
        yield Host(name)


@contextmanager
def tcp_server() -> Iterator[Host]:
    """Listen on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Host(listening.getsockname()[1])


@contextmanager
def udp_server() -> Iterator[Host]:
    """Take datagrams on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield Host(listening.getsockname()[1], reached=lambda: _received(listening))


def _received(listening: socket.socket) -> bool:
    with suppress(BlockingIOError):
        return listening.recv(100) == b"through"
    return False


@contextmanager
def own_process() -> Iterator[Host]:
    """Name this process."""
    yield Host(os.getpid())


@contextmanager
def neighbour() -> Iterator[Host]:
    """Run a process of the identity that sandboxes have on the host."""
    user = launcher.SANDBOX_ID if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/sleep", "60"], user=user) as process:
        yield Host(process.pid, reached=lambda: process.poll() is not None)
        process.kill()


@contextmanager
def environment() -> Iterator[Host]:
    """Hold a secret in the environment."""
    os.environ["COUNTERSIGN_HOSTILE"] = "do not tell"
    yield Host("COUNTERSIGN_HOSTILE")
    del os.environ["COUNTERSIGN_HOSTILE"]


@contextmanager
def inheritable_descriptor() -> Iterator[Host]:
    """Hold an open file that children inherit unless somebody closes it."""
    with tempfile.TemporaryFile() as secret:
        secret.write(b"do not tell")
        secret.flush()
        copy = os.dup(secret.fileno())
        os.dup2(copy, 200, inheritable=True)
        os.close(copy)
        yield Host(200)
        os.close(200)


@contextmanager
def name_of_a_process() -> Iterator[Host]:
    """Look, after the run, for a process of this name, and end it."""
    name = uuid.uuid4().hex
    yield Host(name, reached=lambda: any(map(_ended, _called(name))))


def _called(name: str) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_called(entry, name)]


def _is_called(process: Path, name: str) -> bool:
    with suppress(OSError):
        return name in (process / "cmdline").read_text(errors="replace").split("\0")
    return False


def _ended(pid: int) -> bool:
    """End the process, and say whether it was there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False
