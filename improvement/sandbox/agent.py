"""Run a program that edits a working copy, in a sandbox of its own, and take what it changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from improvement.exceptions import Halted, Invalid
from improvement.sandbox import spawn, text
from improvement.sandbox.gate import Door, Gate
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause, Process
from improvement.sandbox.program import Beyond, Program
from improvement.sandbox.relay import how_it_ended
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import check_started
from improvement.sandbox.runtime import Bind, locate
from improvement.sandbox.supervisor import Stopped, Supervisor

GRACE_SECONDS = 10.0
"""How long the working copy may take to be made and to be read, besides the program's own time."""
LIMITS = Limits(
    cpu_seconds=1_000_000,
    memory_mb=4096,
    slack_mb=1 << 17,  # interpreters of JavaScript reserve tens of gigabytes that they never touch
    processes=256,
    open_files=1024,
    file_mb=256,
    tmp_mb=512,
    tmp_files=65_536,
    output_kb=16 << 10,
    log_kb=256,
    message_kb=8 << 10,
)


@dataclass(frozen=True)
class Errand:
    """What a program is to do: ``files`` is its working copy (path to text), ``task`` what ``TASK.md`` says.

    ``programs`` are files and folders of the host that it sees read-only where they are; ``doors`` are the ports of
    127.0.0.1 inside that the host answers.
    """

    argv: tuple[str, ...]
    files: Mapping[str, str]
    task: str
    seconds: float
    environment: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    doors: Mapping[int, Door] = field(default_factory=dict)


@dataclass(frozen=True)
class Edited:
    """What became of an errand: ``how`` is exit, signal, timeout, not_started, or why the sandbox was ended.

    ``files`` are new or changed (path to text), ``removed`` gone, ``others`` what else was left, path to why it is not
    taken. ``log`` is the end of what the program printed.
    """

    how: str
    status: int
    why: str
    files: Mapping[str, str]
    removed: tuple[str, ...]
    others: Mapping[str, str]
    log: str
    seconds: float
    cpu_seconds: float
    memory_mb: float


def edit(errand: Errand, *, limits: Limits = LIMITS, stop: Callable[[], bool] | None = None) -> Edited:
    """Run the program of an errand to its end; what it did counts also when its time ran out.

    Raises SandboxUnavailable below the full profile, Invalid when a program's file is missing, Halted when ``stop``
    ended it.
    """
    spawn.check_agents()
    _check_programs(errand.programs)
    began = time.monotonic()
    deadline = began + errand.seconds + GRACE_SECONDS
    try:
        with Gate(errand.doors) as gate, Supervisor(stop) as supervisor:
            binds = tuple(Bind(path, path) for path in errand.programs)
            program = Program("agent", binds=binds, beyond=Beyond(gate.inner.fileno()))
            process = supervisor.start(program, limits)
            gate.started()
            process.send(_order(errand))
            return _edited(process, _answer(supervisor, process, deadline), began)
    except Stopped:
        raise Halted("Everything is stopped, the program that edits too; it is run anew afterwards.") from None


def _check_programs(paths: tuple[str, ...]) -> None:
    for path in paths:
        if not Path(path).exists():
            raise Invalid(f"COUNTERSIGN_AGENT_PATHS names {path}, which is not there. Correct the setting.")


def _order(errand: Errand) -> bytes:
    folders = [folder for path in errand.programs for folder in (path, f"{path}/bin") if Path(folder).is_dir()]
    named = [str(Path(path).parent) for path in errand.programs if not Path(path).is_dir()]
    search = ":".join(dict.fromkeys([*folders, *named, dict(locate().environment)["PATH"]]))
    order = {
        "ports": list(errand.doors),
        "files": dict(errand.files),
        "task": errand.task,
        "argv": list(errand.argv),
        "environment": {"PATH": search, **errand.environment},
        "seconds": errand.seconds,
    }
    return json.dumps(order).encode()


def _answer(supervisor: Supervisor, process: Process, deadline: float) -> dict[str, Any] | None:
    """Wait for what process 1 inside says; None when it did not come to that."""
    while not process.lines and not process.ending:
        supervisor.step(deadline)
        if time.monotonic() >= deadline:
            process.end(Cause.TIMEOUT)
    check_started(process)
    if not process.lines:
        return None
    line = process.lines.popleft()
    process.send_no_more()
    process.end(Cause.DONE)
    try:
        return _checked(read(line, max_bytes=LIMITS.message_kb << 10))
    except BadResult:
        return None


def _checked(value: Any) -> dict[str, Any]:
    """Return the answer when it has its form: its process may have been taken over by the program."""
    if not isinstance(value, dict) or value.keys() != {"ended", "files", "removed", "others"}:
        raise BadResult("it is no answer")
    ended, files, others = value["ended"], value["files"], value["others"]
    if not isinstance(ended, dict) or ended.keys() != {"how", "status", "why"} or type(ended["status"]) is not int:
        raise BadResult("it does not say how the program ended")
    pairs = isinstance(others, list) and all(isinstance(one, list) and len(one) == 2 for one in others)
    if not (isinstance(files, dict) and isinstance(value["removed"], list) and pairs):
        raise BadResult("it does not say what was changed")
    texts = (ended["how"], ended["why"], *files.values(), *value["removed"], *chain(*others))
    if not all(isinstance(one, str) for one in texts):
        raise BadResult("it holds something else than text")
    return value


def _edited(process: Process, answer: dict[str, Any] | None, began: float) -> Edited:
    ending = process.end(Cause.DONE)
    if answer is None:
        by_host = {"how": str(ending.cause), "status": ending.code, "why": how_it_ended(ending)}
        answer = {"ended": by_host, "files": {}, "removed": [], "others": []}
    ended = answer["ended"]
    return Edited(
        how=ended["how"][:40],
        status=ended["status"],
        why=text.readable(ended["why"])[:500],
        files=answer["files"],
        removed=tuple(answer["removed"]),
        others=dict(answer["others"]),
        log=text.readable(process.log),
        seconds=time.monotonic() - began,
        cpu_seconds=ending.cpu_seconds,
        memory_mb=ending.memory_mb,
    )
