"""How strongly this machine can isolate candidate code, and what to do when that is not enough."""

from __future__ import annotations

import logging
import math
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import advice, zygotes
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause
from improvement.sandbox.program import Family, Program
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import run

logger = logging.getLogger(__name__)

FULL = 3
NOT_LINUX = "The sandbox needs Linux."
GET_LINUX = "Run Countersign on Linux, or in a Linux virtual machine."
BACKEND = "bubblewrap"
RETRY_SECONDS = 3.0
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


class Trials:
    """The newest trial's answer: kept for good once the profile held, and else for ``RETRY_SECONDS``.

    So no page waits for a trial each time, and whoever mends the machine sees it soon. One thread tries, others wait.
    """

    def __init__(self, trial: Callable[[], Probe], clock: Callable[[], float] = time.monotonic) -> None:
        self._trial, self._clock = trial, clock
        self._lock = threading.Lock()
        self._kept: Probe | None = None
        self._until = -math.inf

    def answer(self) -> Probe:
        """Return what the newest trial found, after a trial when there is none or it is too old."""
        with self._lock:
            if self._kept is None or self._clock() >= self._until:
                self._kept = self._trial()
                self._until = math.inf if self._kept.level == FULL else self._clock() + RETRY_SECONDS
            return self._kept


def probe() -> Probe:
    """Start the full profile and check from inside that it holds, unless that was found out a moment ago."""
    if platform.system() != "Linux":
        return Probe(0, BACKEND, (NOT_LINUX,), (GET_LINUX,))
    return _trials.answer()


def _tried() -> Probe:
    try:
        return _full()
    except (SandboxUnavailable, BadResult, _NotHeld) as error:
        return Probe(0, BACKEND, (str(error),), advice.lines())


_trials = Trials(_tried)


def _full() -> Probe:
    """Return the probe of a machine on which the profile holds; raises on any other."""
    _check(Program("facts"))
    return Probe(FULL, BACKEND)


@cache
def try_zygotes() -> None:
    """Let sandboxes be forked from zygotes where a trial, made once in each process that measures, finds them held."""
    zygotes.allow(_zygotes_hold())


def _zygotes_hold() -> bool:
    """Whether what is forked from a zygote is held here as well as what is started from nothing."""
    zygotes.allow(True)
    try:
        _check(Program("facts", family=Family("trial")))
    except (SandboxUnavailable, BadResult, _NotHeld) as error:
        logger.warning("sandboxes are started from nothing: %s", error)
        return False
    why_not = zygotes.why_not()
    zygotes.retire_all()
    return not why_not


def _check(program: Program) -> None:
    """Raise unless the program finds inside what it should find there."""
    result = run(program, limits=Limits(seconds=10))
    if result.cause is not Cause.EXIT or result.code != 0 or not result.lines:
        raise _NotHeld(f"The trial program ended badly ({result.cause}). {result.log[-300:]}")
    facts = read(result.lines[0])
    for name, value in EXPECTED.items():
        if facts.get(name) != value:
            raise _NotHeld(f"Inside the sandbox {name} is {facts.get(name)!r}, not {value!r}.")


def require(min_level: int) -> None:
    """Raise SandboxUnavailable when this machine's level is below ``min_level``, saying what to do."""
    found = probe()
    if found.level < min_level:
        raise SandboxUnavailable(explain(found, min_level))


def explain(found: Probe, min_level: int = FULL) -> str:
    """Put a probe into one message: the level, the reasons, the advice."""
    return " ".join((f"The sandbox level is {found.level}, {min_level} is needed.", *found.why, *found.advice))
