"""How strongly this machine can isolate candidate code, and what to do when that is not enough."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import advice
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import run
from improvement.sandbox.spawn import Program

FULL = 3
NOT_LINUX = "The sandbox needs Linux."
GET_LINUX = "Run Countersign on Linux, or in a Linux virtual machine."
BACKEND = "bubblewrap"
EXPECTED = {
    "uid": 65534,
    "process": 1,
    "has_proc": False,
    "has_home": False,
    "can_write": False,
    "has_network": False,
    "environment": [],
}
"""What the program of ``inside/facts.py`` has to find when the full profile holds."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A machine's level (3: the full profile; 0: nothing may run), why it is not more, and what would help."""

    level: int
    backend: str
    why: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


class _NotHeld(Exception):
    """The full profile does not work, or does not hold, here."""


def probe() -> Probe:
    """Start the full profile and check from inside that it holds; once it did, that answer is kept."""
    if platform.system() != "Linux":
        return Probe(0, BACKEND, (NOT_LINUX,), (GET_LINUX,))
    try:
        return _full()
    except (SandboxUnavailable, BadResult, _NotHeld) as error:
        return Probe(0, BACKEND, (str(error),), advice.lines())


@cache
def _full() -> Probe:
    """The probe of a machine on which the profile holds; an exception, which is not kept, on any other."""
    result = run(Program("facts"), limits=Limits(seconds=10))
    if result.cause is not Cause.EXIT or result.code != 0 or not result.lines:
        raise _NotHeld(f"The trial program ended badly ({result.cause}). {result.log[-300:]}")
    facts = read(result.lines[0])
    for name, value in EXPECTED.items():
        if facts.get(name) != value:
            raise _NotHeld(f"Inside the sandbox {name} is {facts.get(name)!r}, not {value!r}.")
    return Probe(FULL, BACKEND)


def require(min_level: int) -> None:
    """Raise SandboxUnavailable when this machine's level is below ``min_level``, saying what to do."""
    found = probe()
    if found.level < min_level:
        raise SandboxUnavailable(explain(found, min_level))


def explain(found: Probe, min_level: int = FULL) -> str:
    """Put a probe into one message: the level, the reasons, the advice."""
    return " ".join((f"The sandbox level is {found.level}, {min_level} is needed.", *found.why, *found.advice))
