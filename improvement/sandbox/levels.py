"""How strongly this machine can isolate candidate code, and what to do when that is not enough."""

from __future__ import annotations

import logging
import math
import platform
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from improvement.exceptions import SandboxUnavailable
from improvement.sandbox import advice, fenced, spawn, zygotes
from improvement.sandbox.limits import Limits
from improvement.sandbox.process import Cause
from improvement.sandbox.program import Family, Program
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import run
from improvement.sandbox.spawn import FENCED, FULL, LIMITED

logger = logging.getLogger(__name__)

NOT_LINUX = "The sandbox needs Linux."
GET_LINUX = "Run Countersign on Linux, or in a Linux virtual machine."
BACKENDS = {FULL: "bubblewrap", FENCED: fenced.LANDLOCK, LIMITED: fenced.LIMITS_ALONE, 0: "none"}
RETRY_SECONDS, RETRY_WEAKER_SECONDS = 3.0, 60.0
_LIMITED = {"has_network": False, "environment": []}
_FENCED = {**_LIMITED, "can_write": False, "can_read": False, "can_signal": False}
EXPECTED: dict[int, dict[str, object]] = {
    FULL: {**_FENCED, "uid": 65534, "process": 1, "has_proc": False, "has_home": False},
    FENCED: _FENCED,
    LIMITED: _LIMITED,
}
"""What the program of ``inside/facts.py`` has to find when a level holds."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A machine's level, what makes it, why it is not more, and what would help.

    3 is the full profile, 2 Landlock and the filter, 1 the filter and the limits alone; at 0 nothing can run.
    """

    level: int
    backend: str
    why: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def is_weak(self) -> bool:
        """Whether this is less than the full profile."""
        return self.level < FULL

    def remedies(self, needed: int) -> tuple[str, ...]:
        """Return the advice and, where something weaker than ``needed`` would hold, how to accept that."""
        return (*self.advice, advice.accept(self.level)) if 0 < self.level < needed else self.advice


class _NotHeld(Exception):
    """A level does not work, or does not hold, here."""


class Trials:
    """The newest trial's answer: kept for good once the full profile held, and else for a while.

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
                self._until = self._clock() + _kept_for(self._kept.level)
            return self._kept


def _kept_for(level: int) -> float:
    if level == FULL:
        return math.inf
    return RETRY_WEAKER_SECONDS if level else RETRY_SECONDS


def probe() -> Probe:
    """Find the strongest level that can be started and, checked from inside, holds; kept for a while (``Trials``)."""
    if platform.system() != "Linux":
        return Probe(0, BACKENDS[0], (NOT_LINUX,), (GET_LINUX,))
    return _trials.answer()


def _tried() -> Probe:
    why: list[str] = []
    for level in (FULL, FENCED, LIMITED):
        try:
            _try(level)
        except (SandboxUnavailable, BadResult, _NotHeld) as error:
            why.append(str(error))
        else:
            return Probe(level, BACKENDS[level], tuple(why), advice.lines() if why else ())
    return Probe(0, BACKENDS[0], tuple(dict.fromkeys(why)), advice.lines())


_trials = Trials(_tried)


def _try(level: int) -> None:
    """Raise unless this level can be started here, and holds."""
    with spawn.at(level):
        _check(Program("facts"), EXPECTED[level])


@cache
def try_zygotes() -> None:
    """Let sandboxes be forked from zygotes where a trial, made once in each process that measures, finds them held."""
    zygotes.allow(_zygotes_hold())


def _zygotes_hold() -> bool:
    """Whether what is forked from a zygote is held here as well as what is started from nothing."""
    zygotes.allow(True)
    try:
        _check(Program("facts", family=Family("trial")), EXPECTED[FULL])
    except (SandboxUnavailable, BadResult, _NotHeld) as error:
        logger.warning("sandboxes are started from nothing: %s", error)
        return False
    why_not = zygotes.why_not()
    zygotes.retire_all()
    return not why_not


def _check(program: Program, expected: Mapping[str, object]) -> None:
    """Raise unless the program finds inside what it should find there."""
    result = run(program, limits=Limits(seconds=10))
    if result.cause is not Cause.EXIT or result.code != 0 or not result.lines:
        raise _NotHeld(f"The trial program ended badly ({result.cause}). {result.log[-300:]}")
    facts = read(result.lines[0])
    for name, value in expected.items():
        if facts.get(name) != value:
            raise _NotHeld(f"Inside the sandbox {name} is {facts.get(name)!r}, not {value!r}.")


def require(min_level: int) -> None:
    """Use this machine's level in this process; SandboxUnavailable, saying what to do, when it is below ``min_level``.

    Nothing is started at less than the full profile in a process that has not asked for it here.
    """
    found = probe()
    if found.level < min_level:
        raise SandboxUnavailable(explain(found, min_level))
    if found.level:
        spawn.use(found.level)


def explain(found: Probe, min_level: int = FULL) -> str:
    """Put a probe into one message: the level, the reasons, the advice, and the setting that accepts less."""
    needed = f"The sandbox level is {found.level}, {min_level} is needed."
    return " ".join((needed, *found.why, *found.remedies(min_level)))
