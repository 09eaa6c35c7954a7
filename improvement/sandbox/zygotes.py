"""Sandboxes of the full profile, forked from a zygote.

That is a process in a sandbox of its own that has imported what its jobs begin with. An interpreter start and the
import of numpy cost ten times what a fork costs. A zygote serves one project only, holds no secret and no expected
value, runs no candidate's code, and is replaced after so many jobs: jobs share its layout of memory. Each job gets
namespaces, mounts, limits and a filter of its own (``inside/zygote.py``), as strong as those of a sandbox that is
started from nothing; where that cannot be had, everything is started from nothing.
"""

from __future__ import annotations

import json
import threading

from improvement.sandbox import bubblewrap, inside_files, nursery, runtime, seccomp, trees
from improvement.sandbox.bubblewrap import Bubblewrap
from improvement.sandbox.launcher import Command, SeenAt
from improvement.sandbox.limits import Limits
from improvement.sandbox.nursery import Job, Kind, Order, Zygote
from improvement.sandbox.program import Program

NAMESPACES = "namespaces"

_switch = threading.Event()


def allow(yes: bool) -> None:
    """Let programs be forked from zygotes in this process and those forked from it later, or no longer."""
    (_switch.set if yes else _switch.clear)()


def allowed() -> bool:
    """Whether zygotes may be used."""
    return _switch.is_set()


def start(tool: Bubblewrap, program: Program, limits: Limits) -> Job | None:
    """Fork a program from its family's zygote; None where there is none that may serve."""
    family = program.family
    if family is None or not allowed():
        return None
    kind = Kind(NAMESPACES, family.project, family.preload, limits.cpus, program.binds)
    order = Order(_order(program, limits), b"".join(program.files.values()), family.modules, single_thread=True)
    make = lambda: Zygote(lambda channel: _command(tool, kind, channel), seccomp.program())  # noqa: E731
    return nursery.shared().start(kind, make, order, Job)


def _command(tool: Bubblewrap, kind: Kind, channel: int) -> Command:
    here, binds = runtime.locate(), (inside_files.bind(), *bubblewrap.set_aside(kind.binds))

    def command(seen_at: SeenAt) -> list[str]:
        profile = bubblewrap.zygote_arguments(seen_at(tool.path), here, binds, kind.cpus, seen_at=seen_at)
        words = ("zygote", str(channel), str(channel), "", ":".join(here.site), *kind.preload)
        return [*profile, here.python, *inside_files.START, *words]

    return command


def _order(program: Program, limits: Limits) -> bytes:
    """Write a job's order as the zygote reads it: of its files the names and lengths, their contents go along."""
    return json.dumps(
        {
            "role": program.role,
            "arguments": program.arguments,
            "limits": limits.for_inside,
            "tmp_mb": limits.tmp_mb,
            "tmp_files": limits.tmp_files,
            "files": {str(trees.inner(path)): len(data) for path, data in program.files.items()},
            "binds": [bind.target for bind in program.binds],
        }
    ).encode()


def why_not() -> str:
    """Return what kept the last zygote that this process wanted from starting, or an empty text."""
    return nursery.shared().why_not


def retire_all() -> None:
    """Let every zygote of this process go, once their jobs have ended; new ones are made when they are needed."""
    nursery.shared().retire_all()


def any_left() -> bool:
    """Whether this process has a zygote that has not ended yet."""
    return nursery.shared().any_left()
