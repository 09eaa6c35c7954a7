"""A process that is forked for each job, instead of an interpreter that is started for each.

It has imported trusted modules and nothing else: no code or data of a candidate or an evaluator ever comes near it.
For each order it forks a keeper, which makes namespaces of its own (user, mounts, processes, network, IPC, names) and
forks the job into them, as process 1; the keeper stays outside and tells the host of the job and how it ended. The job
hides what the zygote needed, takes its mounts, limits, lack of rights and filter, and only then runs its role. Where
namespaces cannot be made, an order asks for a fence instead (``fence.py``).
"""

from __future__ import annotations

import _signal
import _socket
import gc
import os
import sys

from improvement.sandbox.inside import enter, fence, job
from improvement.sandbox.inside import syscalls as system
from improvement.sandbox.inside.syscalls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
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
JOB, GIVEN = "/job", "/given"
LONGEST_ORDER = 1 << 17
IDLE_SECONDS = 60.0
DESCRIPTORS = 6  # to it, its messages, its log, the news of it, its end, the content of its files

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
OWN = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
SHARED_FILES, JOB_FILES = 1024, 4096
SHARED_MB, JOB_MB = 16, 32
NOTHING_THERE = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC

_decode, _encode = codec(refuse)


def zygote(reading: int, writing: int, arguments: list[str]) -> None:
    """Serve orders until the host closes the channel; ``arguments`` are the modules to import first."""
    system.prctl(system.PR_SET_PDEATHSIG, _signal.SIGKILL)
    channel = _socket.socket(fileno=reading)
    instructions = channel.recv(LONGEST_ORDER)
    for name in arguments:
        _preload(name)
    channel.send(_encode(sorted({name.partition(".")[0] for name in sys.modules})).encode("ascii"))
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)  # the kernel buries keepers, and what jobs leave to process 1
    gc.collect()
    gc.freeze()
    while True:
        order, descriptors = _receive(channel)
        if not order:
            _end()
        zygote_id = os.getpid()
        if os.fork() == 0:
            channel.close()
            _begin(order, descriptors, instructions, zygote_id)
        for descriptor in descriptors:
            os.close(descriptor)


def _begin(order: bytes, descriptors: list[int], instructions: bytes, zygote_id: int) -> NoReturn:
    def keep() -> NoReturn:
        told = _decode(order.decode("utf-8"))
        (fence.keep if "fence" in told else _keep)(told, descriptors, instructions, zygote_id)

    job.guarded(keep, descriptors[2])


def _preload(name: str) -> None:
    """Import a module that jobs will want; one that is missing or broken is missing for the job, which says so."""
    try:
        for one in (name, *LATE_PARTS.get(name, ())):
            __import__(one)
    except Exception as error:
        sys.stderr.write(f"{name} cannot be imported early: {error}\n")


def _receive(channel: _socket.socket) -> tuple[bytes, list[int]]:
    """Return the next order with its descriptors, or nothing when the host asks for no more or has long been silent."""
    channel.settimeout(IDLE_SECONDS)
    try:
        return _received(channel)
    except TimeoutError:
        return b"", []


def _received(channel: _socket.socket) -> tuple[bytes, list[int]]:
    data, ancillary, _, _ = channel.recvmsg(LONGEST_ORDER, _socket.CMSG_SPACE(DESCRIPTORS * job.FD_BYTES))
    found: list[int] = []
    for level, kind, content in ancillary:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            found += [
                int.from_bytes(content[at : at + job.FD_BYTES], sys.byteorder) for at in range(0, len(content), 4)
            ]
    return data, found


def _end() -> NoReturn:
    """Wait for the jobs that still run: with this process, they would end too."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        os._exit(0)


# The keeper


def _keep(order: dict[str, Any], descriptors: list[int], instructions: bytes, zygote_id: int) -> NoReturn:
    to, messages, log, news, end, content = descriptors
    job.belong_to_starter(_signal.SIGKILL, zygote_id)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    user, group = os.getuid(), os.getgid()
    system.unshare(OWN)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    process = os.fork()
    if process == 0:
        job.guarded(lambda: _become(order, (to, messages, log), content, instructions), log)
    for descriptor in (to, messages, log, content):
        os.close(descriptor)
    job.tell(news, process)
    _, status, usage = os.wait4(process, 0)
    job.tell_end(end, status, usage.ru_utime + usage.ru_stime)


# The job


def _become(order: dict[str, Any], pipes: tuple[int, int, int], content: int, instructions: bytes) -> NoReturn:
    system.prctl(system.PR_SET_PDEATHSIG, _signal.SIGKILL)
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
    for hidden in ("/proc", "/dev/pts", *([GIVEN] if order["binds"] else [])):
        system.mount("tmpfs", hidden, "tmpfs", NOTHING_THERE, "size=4k,nr_inodes=2,mode=555")
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
    with open(content, "rb") as source:
        for path, size in files.items():
            _write_file(f"{JOB}/{path}", source.read(size))
    for target, source_path in given.items():
        if os.path.isdir(source_path):
            os.makedirs(target, exist_ok=True)
        else:
            _write_file(target, b"")
        system.mount(source_path, target, "", MS_BIND | MS_REC)
    system.mount("none", JOB, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _write_file(path: str, data: bytes) -> None:
    os.makedirs(path.rpartition("/")[0], exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o444)


def _tmpfs(path: str, megabytes: int, files: int) -> None:
    options = f"size={megabytes}m,nr_inodes={files},mode=755"
    system.mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)
