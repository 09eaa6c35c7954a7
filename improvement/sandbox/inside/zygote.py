"""A process that is forked for each job, instead of an interpreter that is started for each.

It has imported trusted modules and nothing else: no code or data of a candidate or an evaluator ever comes near it.
For each order it forks a keeper, which makes namespaces of its own (user, mounts, processes, network, IPC, names) and
forks the job into them, as process 1; the keeper stays outside and tells the host of the job and how it ended. The job
hides what the zygote needed, takes its mounts, limits, lack of rights and filter, and only then runs its role.
"""

from __future__ import annotations

import _signal
import _socket
import ctypes
import fcntl
import gc
import os
import sys

from improvement.sandbox.inside import candidate, cooperative, enter, evaluator, facts, probes
from improvement.sandbox.inside.modules import flush, show_error
from improvement.sandbox.inside.wire import codec, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

ROLES = {
    "candidate": candidate.candidate,
    "cooperative": cooperative.cooperative,
    "evaluator": evaluator.evaluator,
    "facts": facts.facts,
    "probes": probes.probes,
}
LATE_PARTS = {"numpy": ("numpy.fft", "numpy.linalg", "numpy.random")}  # which numpy imports at their first use
JOB, GIVEN = "/job", "/given"
LONGEST_ORDER = 1 << 17
IDLE_SECONDS = 60.0
FD_BYTES = 4
DESCRIPTORS = 6  # to it, its messages, its log, the news of it, its end, the content of its files
READING, WRITING = 3, 4
OUT_OF_THE_WAY = 64

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
OWN = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC = 0x4000
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION_3 = 0x20080522
SHARED_FILES, JOB_FILES = 1024, 4096
SHARED_MB, JOB_MB = 16, 32

_libc = ctypes.CDLL(None, use_errno=True)
_decode, _encode = codec(refuse)


def zygote(reading: int, writing: int, arguments: list[str]) -> None:
    """Serve orders until the host closes the channel; ``arguments`` are the modules to import first."""
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
        if os.fork() == 0:
            channel.close()
            _begin(order, descriptors, instructions)
        for descriptor in descriptors:
            os.close(descriptor)


def _begin(order: bytes, descriptors: list[int], instructions: bytes) -> NoReturn:
    _guarded(lambda: _keep(_decode(order.decode("utf-8")), descriptors, instructions), descriptors[2])


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
    data, ancillary, _, _ = channel.recvmsg(LONGEST_ORDER, _socket.CMSG_SPACE(DESCRIPTORS * FD_BYTES))
    found: list[int] = []
    for level, kind, content in ancillary:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            found += [int.from_bytes(content[at : at + FD_BYTES], sys.byteorder) for at in range(0, len(content), 4)]
    return data, found


def _end() -> NoReturn:
    """Wait for the jobs that still run: with this process, they would end too."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        os._exit(0)


def _guarded(action: Callable[[], NoReturn], log: int) -> NoReturn:
    """Never return into the zygote's loop: what goes wrong is written into the job's log, and ends this process."""
    try:
        action()
    except BaseException as error:
        try:
            os.write(log, f"The sandbox could not be set up: {error!r}\n".encode())
        finally:
            os._exit(125)


# The keeper


def _keep(order: dict[str, Any], descriptors: list[int], instructions: bytes) -> NoReturn:
    to, messages, log, news, end, content = descriptors
    _check(_libc.prctl(PR_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0), "prctl")
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    user, group = os.getuid(), os.getgid()
    _check(_libc.unshare(OWN), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    job = os.fork()
    if job == 0:
        _guarded(lambda: _become(order, to, messages, log, content, instructions), log)
    for descriptor in (to, messages, log, content):
        os.close(descriptor)
    _tell(news, job)
    _, status, usage = os.wait4(job, 0)
    code = os.waitstatus_to_exitcode(status)
    os.write(end, f"{128 - code if code < 0 else code} {usage.ru_utime + usage.ru_stime}".encode())
    os._exit(0)


def _tell(news: int, job: int) -> None:
    """Send the host a descriptor of the job's process."""
    channel = _socket.socket(fileno=news)
    pidfd = os.pidfd_open(job)
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pidfd.to_bytes(FD_BYTES, sys.byteorder))
    channel.sendmsg([b"job"], [rights])
    channel.close()
    os.close(pidfd)


# The job


def _become(order: dict[str, Any], to: int, messages: int, log: int, content: int, instructions: bytes) -> NoReturn:
    _check(_libc.prctl(PR_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0), "prctl")
    os.setsid()
    _mount_own(order, content)
    _place_descriptors(to, messages, log)
    enter.close_the_rest({0, 1, 2, READING, WRITING})
    enter.limit(order["limits"])
    _drop_rights()
    _filter(instructions)
    _forget_chance()
    enter.say_hello(WRITING)
    _run(ROLES[order["role"]], order["arguments"])


def _run(role: Callable[[int, int, list[str]], None], arguments: list[str]) -> NoReturn:
    """Run the role to its end, and end as an interpreter would."""
    code = 0
    try:
        role(READING, WRITING, arguments)
    except BaseException:
        show_error()
        code = 1
    flush()
    os._exit(code)


def _mount_own(order: dict[str, Any], content: int) -> None:
    _tmpfs("/tmp", order["tmp_mb"], order["tmp_files"])
    _tmpfs("/dev/shm", SHARED_MB, SHARED_FILES)
    _mount_job(order["files"], order["binds"], content)
    for hidden in ("/proc", "/dev/pts", *([GIVEN] if order["binds"] else [])):
        _mount("tmpfs", hidden, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=555")
    os.chdir("/tmp")


def _mount_job(files: dict[str, int], binds: list[str], content: int) -> None:
    """Make /job of files by content and of what the zygote holds for it, for reading only."""
    given = {target: f"{GIVEN}/{index}" for index, target in enumerate(binds)}
    if whole := given.pop(JOB, None):
        _mount(whole, JOB, "", MS_BIND | MS_REC)
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
        _mount(source_path, target, "", MS_BIND | MS_REC)
    _mount("none", JOB, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _write_file(path: str, data: bytes) -> None:
    os.makedirs(path.rpartition("/")[0], exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o444)


def _place_descriptors(to: int, messages: int, log: int) -> None:
    """Standard input holds nothing, output and errors are the log, then come the two ends of the channel."""
    placed = (os.open("/dev/null", os.O_RDONLY), log, log, to, messages)
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, OUT_OF_THE_WAY) for descriptor in placed]
    for number, copy in enumerate(copies):
        os.dup2(copy, number)


def _drop_rights() -> None:
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            break
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


class _Filter(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def _filter(instructions: bytes) -> None:
    given = _Filter(len(instructions) // 8, instructions)
    _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0), "seccomp")


def _forget_chance() -> None:
    """Two jobs of one zygote must not draw the same numbers; ``random`` sees to itself after a fork."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


# System calls


def _tmpfs(path: str, megabytes: int, files: int) -> None:
    _mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"size={megabytes}m,nr_inodes={files},mode=755")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    texts = (source.encode(), target.encode(), kind.encode() or None)
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _check(answer: int, what: str) -> None:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
