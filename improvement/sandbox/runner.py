"""Run one program in a sandbox of the full profile, from start to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import text
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause, Ending, Process
from improvement.sandbox.program import Program
from improvement.sandbox.runtime import Bind
from improvement.sandbox.supervisor import Stopped, Supervisor


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a program ended and what it left: the lines of its private channel, the end of what it printed.

    ``code`` is the exit status, or 128 + the number of the signal; times in seconds, memory in MB.
    """

    cause: Cause
    code: int
    lines: tuple[bytes, ...]
    log: str
    seconds: float
    cpu_seconds: float
    memory_mb: float


def run(
    program: Program | Sequence[str],
    *,
    limits: Limits | None = None,
    files: Mapping[str, bytes] | None = None,
    binds: tuple[Bind, ...] = (),
    messages: Sequence[bytes] = (),
    stop: Callable[[], bool] | None = None,
) -> RunResult:
    """Run a program (a role of ``inside/``, or a command line) until it ends or a limit ends it.

    A command line gets ``files`` (path below /job to content) and ``binds``; ``messages`` are the lines of its
    standard input. Raises SandboxUnavailable when the sandbox itself cannot be set up.
    """
    limits = limits or Limits()
    if not isinstance(program, Program):
        program = Program("command", files=files or {}, binds=binds, arguments=tuple(program))
    deadline = time.monotonic() + limits.seconds
    with Supervisor(stop) as supervisor:
        process = supervisor.start(program, limits)
        for message in messages:
            process.send(message)
        process.send_no_more()
        _wait(supervisor, process, deadline)
        return _result(process, process.end(Cause.DONE))


def check_started(process: Process) -> None:
    """Raise SandboxUnavailable when the sandbox ended before anything of the program ran."""
    if process.ending and not process.started and process.ending.cause in (Cause.EXIT, Cause.SIGNAL):
        said = text.readable(process.log).strip().splitlines()[-1:] or [f"it ended with {process.ending.code}"]
        raise SandboxUnavailable(f"The sandbox cannot be set up on this machine: {said[0]}")


def _wait(supervisor: Supervisor, process: Process, deadline: float) -> None:
    try:
        while not process.ending:
            supervisor.step(deadline)
            if time.monotonic() >= deadline:
                process.end(Cause.TIMEOUT)
    except Stopped:
        pass


def _result(process: Process, ending: Ending) -> RunResult:
    check_started(process)
    return RunResult(
        cause=ending.cause,
        code=ending.code,
        lines=tuple(process.lines),
        log=text.readable(process.log),
        seconds=ending.seconds,
        cpu_seconds=ending.cpu_seconds,
        memory_mb=ending.memory_mb,
    )
