"""What is to be run in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from improvement.sandbox.runtime import Bind


@dataclass(frozen=True, slots=True)
class Family:
    """Programs that may be forked from one zygote: those of one project, which begin with the same modules imported.

    ``modules`` are the names of the modules that the program brings along: where one of them has the name of a module
    that the zygote holds already, the program is started from nothing instead.
    """

    project: str
    preload: tuple[str, ...] = ()
    modules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Beyond:
    """What the sandbox of an agent has beyond that of a candidate: a network of its own, ``/proc``, an ``/etc``.

    ``socket`` is a descriptor of the host that becomes standard input: over it the host is handed what is listened on.
    """

    socket: int


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a role of ``inside/``, its arguments, and what ``/job`` holds.

    ``files`` are small files given by content (path below ``/job``), ``binds`` folders of the host, all read-only.
    Without a ``family`` it is always started from nothing. ``beyond`` is for agents alone, and needs the full profile.
    """

    role: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    binds: tuple[Bind, ...] = ()
    arguments: tuple[str, ...] = ()
    family: Family | None = None
    beyond: Beyond | None = None
