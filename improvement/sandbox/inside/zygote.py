"""A process that is forked for each job, instead of an interpreter that is started for each.

It has imported trusted modules and nothing else: no code or data of a candidate or an evaluator ever comes near it.
For each order it forks a job into namespaces of its own (user, mounts, processes), as process 1, and tells the host
of it and how it ended. Network, queues and names are those of the zygote, which has none of the host's, and the
filter lets no job reach another one through them. The job hides what the zygote needed, takes its mounts, limits,
lack of rights and filter, and only then runs its role. Where namespaces cannot be made, an order asks for a fence
instead (``fence.py``).
"""

from __future__ import annotations

import _signal
import _socket
import gc
import os
import select
import sys

from improvement.sandbox.inside import enter, fence, job
from improvement.sandbox.inside import syscalls as system
from improvement.sandbox.inside.syscalls import (
    MS_BIND,
    MS_NODEV,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
)
from improvement.sandbox.inside.wire import codec, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

LATE_PARTS = {"numpy": ("numpy.fft", "numpy.linalg", "numpy.random")}  # which numpy imports at their first use
NO_MODULE = "a name that no module has"
JOB, GIVEN, EMPTY = "/job", "/given", "/proc"
ITSELF, ITSELF_ON_THE_HOST = "/given/proc/self", "/proc/self"
LONGEST_ORDER = 1 << 17
IDLE_MS = 60_000
DESCRIPTORS = 6  # to it, its messages, its log, the news of it, its end, the content of its files
LOG, NEWS, END = 2, 3, 4
COULD_NOT_START = 125

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
NEW = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID
SHARED_FILES, JOB_FILES = 1024, 4096
SHARED_MB, JOB_MB = 16, 32

_decode, _encode = codec(refuse)


def zygote(reading: int, writing: int, arguments: list[str]) -> None:
    """Serve orders until the host closes the channel; ``arguments`` are the modules to import first."""
    system.prctl(system.PR_SET_PDEATHSIG, _signal.SIGKILL)
    channel = _socket.socket(fileno=reading)
    instructions = channel.recv(LONGEST_ORDER)
    for name in arguments:
        _preload(name)
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    channel.send(_encode({"modules": modules, "threads": _threads()}).encode("ascii"))
    _begin_importing()
    gc.collect()
    gc.freeze()
    _Service(channel, instructions).run()


class _Service:
    """Takes orders, and tells of every job how it ended."""

    def __init__(self, channel: _socket.socket, instructions: bytes) -> None:
        self._channel = channel
        self._instructions = instructions
        self._running: dict[
            int, tuple[int, int | None]
        ] = {}  # by a descriptor of the process: id, where to tell its end
        self._waiting = select.poll()
        self._waiting.register(channel, select.POLLIN)

    def run(self) -> NoReturn:
        """Serve until the host asks for no more, or has long been silent, and no job is left: they would end too."""
        open_for_more = True
        while open_for_more or self._running:
            ready = [descriptor for descriptor, _ in self._waiting.poll(IDLE_MS)]
            if not ready and not self._running:
                break
            for descriptor in ready:
                if descriptor in self._running:
                    self._tell_end(descriptor)
                elif not self._take_order():
                    self._waiting.unregister(self._channel)
                    open_for_more = False
        os._exit(0)

    def _take_order(self) -> bool:
        """Start what is ordered; False when there will be no more orders."""
        order, descriptors = _received(self._channel)
        if not order:
            return False
        try:
            self._start(order, descriptors)
        except OSError as error:
            job.write(descriptors[LOG], f"The sandbox could not be set up: {error}\n")
            job.tell_end(descriptors[END], COULD_NOT_START)
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _start(self, order: bytes, descriptors: list[int]) -> None:
        told = _decode(order.decode("utf-8"))
        if "fence" in told:  # its keeper tells the host everything
            self._watch(fence.start(told, descriptors, self._instructions), None)
        else:
            process = _start(told, descriptors, self._instructions)
            job.tell(descriptors[NEWS], self._watch(process, os.dup(descriptors[END])))

    def _watch(self, process: int, end: int | None) -> int:
        watched = os.pidfd_open(process)
        self._running[watched] = (process, end)
        self._waiting.register(watched, select.POLLIN)
        return watched

    def _tell_end(self, watched: int) -> None:
        process, end = self._running.pop(watched)
        self._waiting.unregister(watched)
        os.close(watched)
        _, status, usage = os.wait4(process, 0)
        if end is not None:
            job.tell_end(end, os.waitstatus_to_exitcode(status), usage)
            os.close(end)


def _preload(name: str) -> None:
    """Import a module that jobs will want; one that is missing or broken is missing for the job, which says so."""
    try:
        for one in (name, *LATE_PARTS.get(name, ())):
            __import__(one)
    except (Exception, SystemExit) as error:
        sys.stderr.write(f"{name} cannot be imported early: {error}\n")


def _threads() -> int:
    itself = ITSELF if os.path.isdir(ITSELF) else ITSELF_ON_THE_HOST
    return len(os.listdir(f"{itself}/task"))


def _begin_importing() -> None:
    """Do once what the first import of every job would do: make the compiler's types, list the packages' folders."""
    compile("", "", "exec")
    try:
        __import__(NO_MODULE)
    except ImportError:
        return


def _received(channel: _socket.socket) -> tuple[bytes, list[int]]:
    data, ancillary, _, _ = channel.recvmsg(LONGEST_ORDER, _socket.CMSG_SPACE(DESCRIPTORS * job.FD_BYTES))
    found: list[int] = []
    for level, kind, content in ancillary:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            found += [
                int.from_bytes(content[at : at + job.FD_BYTES], sys.byteorder) for at in range(0, len(content), 4)
            ]
    return data, found


# The job


def _start(order: dict[str, Any], descriptors: list[int], instructions: bytes) -> int:
    """Fork a job into namespaces of its own, as process 1, and return its id."""
    to, messages, log, _, _, content = descriptors
    user, group = os.getuid(), os.getgid()
    process = system.fork_into(NEW)
    if process == 0:
        job.guarded(lambda: _become(order, (to, messages, log), content, instructions, user, group), log)
    return process


def _become(
    order: dict[str, Any], pipes: tuple[int, int, int], content: int, instructions: bytes, user: int, group: int
) -> NoReturn:
    system.prctl(system.PR_SET_PDEATHSIG, _signal.SIGKILL)
    _write(f"{ITSELF}/setgroups", "deny")
    _write(f"{ITSELF}/uid_map", f"{user} {user} 1")
    _write(f"{ITSELF}/gid_map", f"{group} {group} 1")
    os.setsid()
    _mount_own(order, content)
    job.place_descriptors(*pipes)
    enter.limit(order["limits"])
    system.drop_rights()
    system.filter_calls(instructions)
    job.run(order)


def _mount_own(order: dict[str, Any], content: int) -> None:
    _tmpfs("/tmp", order["tmp_mb"], order["tmp_files"])
    _tmpfs("/dev/shm", SHARED_MB, SHARED_FILES)
    _mount_job(order["files"], order["binds"], content)
    system.mount(EMPTY, GIVEN, "", MS_BIND)  # hides everything below
    os.chdir("/tmp")


def _mount_job(files: dict[str, int], binds: list[str], content: int) -> None:
    """Make /job of files by content and of what the zygote holds for it, for reading only."""
    given = {target: f"{GIVEN}/{index}" for index, target in enumerate(binds)}
    if whole := given.pop(JOB, None):
        system.mount(whole, JOB, "", MS_BIND | MS_REC)
        return
    if not files and not given:
        return
    _tmpfs(JOB, JOB_MB, JOB_FILES)
    for path, size in files.items():
        _write_file(f"{JOB}/{path}", os.read(content, size))
    for target, source_path in given.items():
        if os.path.isdir(source_path):
            os.makedirs(target, exist_ok=True)
        else:
            _write_file(target, b"")
        system.mount(source_path, target, "", MS_BIND | MS_REC)
    system.mount("none", JOB, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _write_file(path: str, data: bytes) -> None:
    folder = path.rpartition("/")[0]
    if folder != JOB:
        os.makedirs(folder, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    while data:
        data = data[os.write(descriptor, data) :]
    os.fchmod(descriptor, 0o444)
    os.close(descriptor)


def _tmpfs(path: str, megabytes: int, files: int) -> None:
    options = f"size={megabytes}m,nr_inodes={files},mode=755"
    system.mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)
