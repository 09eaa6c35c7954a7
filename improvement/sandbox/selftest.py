"""The sandbox tries to break itself: each line is an attempt from inside, in a sandbox of its own."""

from __future__ import annotations

import socket
import subprocess
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import bubblewrap, runner, spawn, trees, zygotes
from improvement.sandbox.inside.facts import KNOWN_VARIABLES
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause
from improvement.sandbox.program import Beyond, Family, Program
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import RunResult
from improvement.sandbox.spawn import FENCED, FULL

AT_ONCE = 4
LIMITS = Limits(seconds=2.5, processes=32, memory_mb=96, tmp_mb=8, tmp_files=2000, output_kb=256)
FAMILY = Family("selftest")
OUTSIDE = "192.0.2.1 80"  # RFC 5737: an address that nobody has
SOCKET_FAMILIES = ("16", "17", "38", "40")  # netlink, packet, alg, vsock
OTHER_FAMILIES = ("1", "10", *SOCKET_FAMILIES)  # besides: this machine's own, IPv6
SECRETS = ("/etc/shadow", "/etc/passwd", "/etc/ssh", "/root", "/home", "/var", "/run", "/boot", "/srv", "/mnt")
READ_ONLY = ("/", "/job", "/usr", "/inside", "/dev", "/etc")
SETTINGS_OF_THE_KERNEL = ("/proc", "/proc/sys", "/proc/sys/kernel")
SETTINGS_OF_THE_HOST = ("/proc/1/environ", "/proc/self/environ", "/proc/meminfo", "/sys/kernel")
SCRATCH = "TMPDIR"  # the variable that names it inside
NEW_USER_NAMESPACE = 0x10000000


@dataclass(frozen=True, slots=True)
class SelfTest:
    """One attempt: whether the sandbox held, and what happened."""

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt to make; ``by`` judges the host's side, where what is said inside is not enough."""

    name: str
    arguments: tuple[str, ...]
    limits: Limits = LIMITS
    by: Callable[[RunResult], tuple[bool, str]] | None = None


def run(level: int = FULL) -> list[SelfTest]:
    """Make every attempt that this level holds, in each way in which sandboxes are made there, and say which were held.

    All of them are False when nothing can be started.
    """
    made = _run(level, "", None)
    if level < FULL:
        return made
    forked = _run(level, ", forked", FAMILY) if zygotes.allowed() else []
    return [*made, *forked, *_of_agents()]


def _run(level: int, way: str, family: Family | None) -> list[SelfTest]:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(AT_ONCE) as pool:
        attempts = list(_everywhere(f"127.0.0.1 {listening.getsockname()[1]}", level))
        if level >= FENCED:
            attempts += _out_of_reach()
        if level == FULL:
            attempts += _out_of_sight()
        return [replace(one, name=one.name + way) for one in pool.map(lambda one: _try(one, family, level), attempts)]


def _of_agents() -> list[SelfTest]:
    """What holds a program that edits a working copy; its sandbox has a network of its own, ``/proc`` and ``/etc``."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(AT_ONCE) as pool:
        loopback = f"127.0.0.1 {listening.getsockname()[1]}"
        attempts = [
            _Attempt("network, this machine", ("tcp", loopback)),
            _Attempt("network, outside", ("network", OUTSIDE)),
            _Attempt("sockets to the kernel and the host", ("families", *OTHER_FAMILIES)),
            _Attempt("environment of the host", ("environment", *KNOWN_VARIABLES)),
            _Attempt("reading files of the host", ("read", *_of_the_host(but="/etc/passwd"))),
            _Attempt("writing where it may only read", ("write", *READ_ONLY, *SETTINGS_OF_THE_KERNEL)),
            _Attempt("signals to every process", ("signals",)),
            _Attempt("tracing another process", ("call", "ptrace 16 1")),
            _Attempt("namespaces of its own", ("call", f"unshare {NEW_USER_NAMESPACE}")),
            _Attempt("mounting", ("call", "mount 0 0 0")),
            _Attempt("becoming somebody else", ("identity",)),
            _Attempt("memory by many processes", ("memory", "60"), by=_ended_by(Cause.MEMORY)),
        ]
        made = pool.map(lambda one: _try(one, None, FULL, beyond=Beyond(subprocess.DEVNULL)), attempts)
        return [replace(one, name=one.name + ", agent") for one in made]


def _everywhere(loopback: str, level: int) -> list[_Attempt]:
    """What the filter, the limits and the host's watch hold at every level."""
    token = uuid.uuid4().hex
    processes = LIMITS.processes * (1 if level == FULL else 2)  # those of other attempts count, too, and come and go
    return [
        _Attempt("network, this machine", ("network", loopback)),
        _Attempt("network, outside", ("network", OUTSIDE)),
        _Attempt("sockets to the kernel and the host", ("families", *SOCKET_FAMILIES)),
        _Attempt("environment of the host", ("environment", *KNOWN_VARIABLES)),
        _Attempt("too many processes", ("forks", str(processes))),
        _Attempt("filling the temporary folder", ("fill", f"{SCRATCH} {LIMITS.tmp_mb}"), by=_held_or(Cause.FILES)),
        _Attempt("filling the list of files", ("names", f"{SCRATCH} {LIMITS.tmp_files}"), by=_held_or(Cause.FILES)),
        _Attempt("tracing another process", ("call", "ptrace 16 1")),
        _Attempt("reading another process's memory", ("call", "process_vm_readv 1")),
        _Attempt("keys of the kernel", ("call", "keyctl 0")),
        _Attempt("namespaces of its own", ("call", f"unshare {NEW_USER_NAMESPACE}")),
        _Attempt("mounting", ("call", "mount 0 0 0")),
        _Attempt("programs in the kernel", ("call", "bpf 0")),
        _Attempt("asynchronous system calls", ("call", "io_uring_setup 1")),
        _Attempt("becoming somebody else", ("identity",)),
        _Attempt("outliving its run", ("daemon", token), by=lambda _: _gone(token)),
        _Attempt("memory by many processes", ("memory", "60"), by=_ended_by(Cause.MEMORY)),
        _Attempt("running for ever", ("spin",), replace(LIMITS, seconds=0.5), by=_ended_by(Cause.TIMEOUT)),
        _Attempt("printing for ever", ("flood",), by=_ended_by(Cause.FLOOD)),
    ]


def _out_of_reach() -> list[_Attempt]:
    """What only namespaces or Landlock hold."""
    return [
        _Attempt("reading files of the host", ("read", *_of_the_host(), *SETTINGS_OF_THE_HOST)),
        _Attempt("writing where it may only read", ("write", *READ_ONLY, str(trees.shared().root))),
        _Attempt("signals to the process that started it", ("reach",)),
    ]


def _out_of_sight() -> list[_Attempt]:
    """What only namespaces hold."""
    memory = bubblewrap.SHARED_MEMORY
    return [
        _Attempt("seeing processes and settings of the host", ("proc",)),
        _Attempt("seeing files of the host", ("files", *_of_the_host())),
        _Attempt("signals to every process", ("signals",)),
        _Attempt("filling the shared memory", ("fill", f"{memory} {bubblewrap.SHARED_MEMORY_MB}")),
    ]


def _of_the_host(but: str = "") -> tuple[str, ...]:
    secrets = (path for path in SECRETS if path != but)
    return (*secrets, str(Path.home()), str(Path.cwd()), str(Path(__file__).parent), str(trees.shared().root))


def _try(attempt: _Attempt, family: Family | None, level: int, beyond: Beyond | None = None) -> SelfTest:
    files = {"probe.txt": b"read only"}
    program = Program("probes", files=files, arguments=attempt.arguments, family=family, beyond=beyond)
    try:
        with spawn.at(level):
            result = runner.run(program, limits=attempt.limits)
        held, detail = (attempt.by or _as_reported)(result)
    except (SandboxUnavailable, BadResult) as error:
        held, detail = False, str(error)
    return SelfTest(attempt.name, held, detail)


def _as_reported(result: RunResult) -> tuple[bool, str]:
    if not result.lines:
        return False, f"no answer ({result.cause}): {result.log[-200:].strip()}"
    answer = read(result.lines[0])
    return answer["held"] is True, str(answer["detail"])


def _held_or(cause: Cause) -> Callable[[RunResult], tuple[bool, str]]:
    """Whether it was refused inside, or ended from outside."""
    return lambda result: (True, f"ended by {cause}") if result.cause is cause else _as_reported(result)


def _ended_by(cause: Cause) -> Callable[[RunResult], tuple[bool, str]]:
    return lambda result: (result.cause is cause, f"ended by {result.cause} after {result.seconds:.2f} seconds")


def _gone(token: str) -> tuple[bool, str]:
    """Whether no process of the host has the token among its arguments."""
    left = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and token in _arguments(entry)]
    return not left, f"still there: {', '.join(left)}" if left else "ended with its run"


def _arguments(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
