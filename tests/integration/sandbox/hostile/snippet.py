"""What a hostile candidate tries, as data: its code, how it is held, and the layers that hold it."""

from __future__ import annotations

import json
import platform
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from improvement.sandbox import result, seccomp
from improvement.sandbox.limits import Limits
from improvement.sandbox.program import Family, Program
from improvement.sandbox.runner import RunResult, run
from improvement.sandbox.runtime import Bind

THROUGH = "through"
FAMILY = Family("hostile")
LIMITS = Limits(seconds=4, processes=32, memory_mb=64, tmp_mb=4, tmp_files=500, file_mb=32, output_kb=64, message_kb=64)
COLUMN = seccomp.ARCHITECTURES[platform.machine()].column
NUMBERS = {
    name: row[COLUMN] for table in (seccomp.KILLED, seccomp.REFUSED, seccomp.ABSENT) for name, row in table.items()
}
PRELUDE = """
import ctypes, os, resource, signal, socket, sys, time
NUMBERS, HOST = {numbers!r}, {host!r}
libc = ctypes.CDLL(None, use_errno=True)

def checked(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer

def call(name, *arguments):
    whole = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return checked(libc.syscall(NUMBERS[name], *whole))

def forked(action=lambda: time.sleep(60)):
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    return child

def attempt():
{code}

def answer():
    value = attempt()
    return "through" if value is None else value
"""
CALL = json.dumps({"id": 1, "module": "solution", "function": "answer", "args": [], "kwargs": {}}).encode()


@dataclass(frozen=True)
class Host:
    """What the host has prepared: ``text`` is the snippet's HOST, ``reached`` whether the attempt arrived there."""

    text: object = None
    binds: tuple[Bind, ...] = ()
    reached: Callable[[], bool] = lambda: False


@contextmanager
def nothing() -> Iterator[Host]:
    """Prepare nothing."""
    yield Host()


@dataclass
class Removal:
    """What a layer is taken away with: the patches and limits of one run."""

    patch: pytest.MonkeyPatch
    host: Host
    limits: Limits


Layer = Callable[[Removal], None]
"""Takes one layer away."""


@dataclass(frozen=True)
class Snippet:
    """One attempt. ``code`` raises when it is refused, and has got through when it comes to its end.

    ``held`` is how what it says begins when it is held; ``forked`` where that differs in a forked sandbox.
    ``without`` are the layers that hold it: with these gone, and no other, it gets through.
    """

    name: str
    code: str
    held: str
    without: tuple[Layer, ...] = ()
    forked: str = ""
    limits: Limits = LIMITS
    files: dict[str, bytes] = field(default_factory=dict)
    host: Callable[[], AbstractContextManager[Host]] = nothing
    can_be_tried: Callable[[], bool] = lambda: True

    def __str__(self) -> str:
        return self.name

    def try_it(self, host: Host, limits: Limits, family: Family | None) -> str:
        """Run the snippet and return what it says: ``through``, an error, a value, or how its sandbox ended."""
        code = textwrap.indent(textwrap.dedent(self.code).strip(), "    ")
        solution = PRELUDE.format(numbers=NUMBERS, host=host.text, code=code)
        program = Program(
            "candidate",
            files={"solution.py": solution.encode(), **self.files},
            binds=host.binds,
            arguments=("solution.py",),
            family=family,
        )
        ended = run(program, limits=limits, messages=(CALL,))
        return THROUGH if host.reached() else said(ended)


def said(ended: RunResult) -> str:
    """Return what a candidate answered, or how its sandbox ended."""
    if not ended.lines:
        return f"{ended.cause} {ended.code} {ended.log[-300:]}"
    message: dict[str, Any] = result.read(ended.lines[0])
    return str(message.get("value", message.get("error")))
