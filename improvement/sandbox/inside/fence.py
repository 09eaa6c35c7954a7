"""A job where no namespaces can be made: Landlock, a stricter filter and limits hold it.

It sees the host's process numbers and the names of its files, but opens none that is not on its list. Its keeper stays
outside of the fence, adopts whatever the job leaves behind, and ends all of it with the job.
"""

from __future__ import annotations

import _signal
import ctypes
import os
import resource
import time

from improvement.sandbox.inside import enter, job, modules
from improvement.sandbox.inside import syscalls as system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # on every architecture
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = 1, 2, 4, 8, 16, 32
MAKE_DIR, MAKE_FILE, MAKE_LINK, REFER, TRUNCATE = 0x80, 0x100, 0x1000, 0x2000, 0x4000
EVERY_ACCESS = (1 << 16) - 1
NO_TCP = 3
NO_ABSTRACT_SOCKETS_AND_SIGNALS = 3
READ = EXECUTE | READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE | MAKE_LINK | REFER | TRUNCATE
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
READ_DEVICES, WRITE_DEVICES = ("/dev/zero", "/dev/random", "/dev/urandom"), ("/dev/null",)
MOST_STARTING = 0.001


def start(order: dict[str, Any], descriptors: list[int], instructions: bytes) -> int:
    """Fork a keeper, which forks the job; return the keeper's id."""
    zygote = os.getpid()
    keeper = os.fork()
    if keeper == 0:
        job.guarded(lambda: _keep(order, descriptors, instructions, zygote), descriptors[2])
    return keeper


def _keep(order: dict[str, Any], descriptors: list[int], instructions: bytes, zygote: int) -> NoReturn:
    """Fork the job, wait for its end, end what it has left, and tell the host."""
    to, messages, log, news, end, _ = descriptors
    _signal.signal(_signal.SIGTERM, lambda *_: _give_up())
    job.belong_to_starter(_signal.SIGTERM, zygote)
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    keeper = os.getpid()
    process = os.fork()
    if process == 0:
        job.guarded(lambda: _become(order, (to, messages, log), instructions, keeper), log)
    for descriptor in (to, messages, log):
        os.close(descriptor)
    job.tell(news, os.pidfd_open(process))
    _, status, _ = os.wait4(process, 0)
    _end_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    job.tell_end(end, os.waitstatus_to_exitcode(status), used)
    os._exit(0)


def _give_up() -> NoReturn:
    _end_all()
    os._exit(1)


def _end_all() -> None:
    """End every process below this one: all are stopped first, so that none can fork while the others are killed."""
    while found := set(_below(os.getpid())):
        stopped: set[int] = set()
        while new := found - stopped:
            _send(new, _signal.SIGSTOP)
            stopped |= new
            found = set(_below(os.getpid()))
        _send(found, _signal.SIGKILL)
        _bury()


def _below(process: int) -> list[int]:
    """Return every descendant; a chain of them may be longer than calls can be nested."""
    found = _children(process)
    for child in found:  # which grows meanwhile
        found += _children(child)
    return found


def _children(process: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    except OSError:
        pass
    return found


def _send(processes: set[int], signal: int) -> None:
    for process in processes:
        try:
            os.kill(process, signal)
        except ProcessLookupError:
            continue


def _bury() -> None:
    """Take the ends of those that have ended by now."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return
    time.sleep(MOST_STARTING)


# The job


def _become(order: dict[str, Any], pipes: tuple[int, int, int], instructions: bytes, keeper: int) -> NoReturn:
    job.belong_to_starter(_signal.SIGKILL, keeper)
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    os.setsid()
    modules.set_job_folder(order["job"])
    os.environ["HOME"] = os.environ["TMPDIR"] = order["scratch"]
    os.chdir(order["scratch"])
    job.place_descriptors(*pipes)
    limits = _with_room_for_others(order["limits"])
    system.drop_rights()
    if order["fence"] is not None:
        _fence(order["fence"], order["scratch"])
    enter.limit(limits)
    system.filter_calls(instructions)
    job.run(order)


def _with_room_for_others(limits: str) -> str:
    """Count this user's other processes into the limit of processes: without namespaces, the kernel does, too."""
    values = limits.split(",")
    index = enter.LIMITS.index(resource.RLIMIT_NPROC)
    values[index] = str(int(values[index]) + _threads_of(os.getuid()))
    return ",".join(values)


def _threads_of(user: int) -> int:
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == user:
                count += os.stat(f"/proc/{name}/task").st_nlink - 2
        except OSError:
            continue
    return count


class _Ruleset(ctypes.Structure):
    """``struct landlock_ruleset_attr``."""

    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class _Rule(ctypes.Structure):
    """``struct landlock_path_beneath_attr``."""

    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def _fence(readable: list[str], scratch: str) -> None:
    """Allow reading below some paths, writing below one, and nothing else (``landlock(7)``, Linux 6.12)."""
    wanted = _Ruleset(EVERY_ACCESS, NO_TCP, NO_ABSTRACT_SOCKETS_AND_SIGNALS)
    rules = system.call(CREATE_RULESET, ctypes.byref(wanted), ctypes.sizeof(wanted), 0)
    for path in (*readable, *READ_DEVICES):
        _allow(rules, path, READ)
    _allow(rules, scratch, WRITE)
    for path in WRITE_DEVICES:
        _allow(rules, path, READ_FILE | WRITE_FILE | TRUNCATE)
    system.call(RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH)
    except FileNotFoundError:
        return
    allowed = access if os.path.isdir(path) else access & ON_FILES
    system.call(ADD_RULE, rules, PATH_BENEATH, ctypes.byref(_Rule(allowed, parent)), 0)
    os.close(parent)
