"""The one thread of this process that starts sandboxes.

Two facts of Linux make it a thread of its own. ``--die-with-parent`` follows the *thread* that started the child, so
that thread must live as long as the process. And a root worker has to drop its identity first (``RLIMIT_NPROC`` does
not bind root) while the interpreter may lie below a folder that only root can enter: as root, the thread makes a mount
namespace of its own, shows the few folders it needs in a place that everybody can enter, and only then becomes
``SANDBOX_ID`` for good. Both are properties of a thread; the rest of the process keeps its identity and mounts.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import kernel, orphans, runtime, trees
from improvement.sandbox.inside.syscalls import MS_BIND, MS_NODEV, MS_NOSUID, mount
from improvement.sandbox.per_process import PerProcess

SANDBOX_ID = 65533  # in the range that Debian reserves (policy 9.2.2): nobody's
STAGE = "/tmp"  # noqa: S108 - covered in the launcher's own namespace only


SeenAt = Callable[[str], str]
"""Maps a path of the host to where the launcher's thread sees it."""
Command = Callable[[SeenAt], list[str]]


@dataclass(frozen=True, slots=True)
class Order:
    """One process to start: what it is started as is decided by ``command``, told where each host path is seen.

    ``input_fd`` is its standard input: nothing, unless a descriptor is named.
    """

    command: Command
    pass_fds: Sequence[int]
    output_fd: int
    input_fd: int = subprocess.DEVNULL


class Launcher:
    """Starts processes from its own thread; safe to use from any thread."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[Order, Future[subprocess.Popen[bytes]]]] = queue.SimpleQueue()
        self._staged: dict[str, str] = {}
        self._ready: Future[None] = Future()
        threading.Thread(target=self._work, name="sandbox-launcher", daemon=True).start()
        self._ready.result()

    def start(self, order: Order) -> subprocess.Popen[bytes]:
        """Start the process; SandboxUnavailable when it cannot be started at all."""
        future: Future[subprocess.Popen[bytes]] = Future()
        self._orders.put((order, future))
        try:
            return future.result()
        except OSError as error:
            raise SandboxUnavailable(f"The sandbox program cannot be started: {error}.") from error

    def seen_at(self, path: str) -> str:
        """Return where the launcher's thread sees a path of the host."""
        for source, target in self._staged.items():
            if path == source or path.startswith(source + "/"):
                return target + path[len(source) :]
        return path

    def _work(self) -> None:
        orphans.sweep()
        try:
            if os.geteuid() == 0:
                self._staged = _stage([*runtime.locate().private, str(trees.shared().root)])
                kernel.become(SANDBOX_ID, SANDBOX_ID)
        except OSError as error:
            self._ready.set_exception(SandboxUnavailable(f"Root's identity cannot be dropped: {error}."))
            return
        self._ready.set_result(None)
        while True:
            order, future = self._orders.get()
            try:
                future.set_result(self._start(order))
            except BaseException as error:
                future.set_exception(error)

    def _start(self, order: Order) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            order.command(self.seen_at),
            stdin=order.input_fd,
            stdout=order.output_fd,
            stderr=order.output_fd,
            pass_fds=order.pass_fds,
            cwd="/",
            env={},
        )


def _stage(sources: Sequence[str]) -> dict[str, str]:
    """Show each folder below ``STAGE`` in a mount namespace of this thread; host path to staged path.

    Without the right to mount (a container), paths are used as they are.
    """
    try:
        kernel.own_mounts()
    except PermissionError:
        return {}
    opened = {source: os.open(source, os.O_PATH | os.O_DIRECTORY) for source in sources}
    mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=755")
    staged = {}
    for index, (source, fd) in enumerate(opened.items()):
        staged[source] = target = f"{STAGE}/{index}"
        Path(target).mkdir(0o755)
        mount(f"/proc/self/fd/{fd}", target, "", MS_BIND)
        os.close(fd)
    return dict(sorted(staged.items(), key=lambda item: -len(item[0])))


_launcher = PerProcess(Launcher)


def shared() -> Launcher:
    """Return this process's launcher, started at the first use."""
    return _launcher.get()
