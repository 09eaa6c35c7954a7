"""What surrounds every page: the rail, the stop banner, the sandbox banner and the rail's foot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import redis
from django.conf import settings
from django.urls import reverse

from improvement.engine.wording import counted
from improvement.permissions import Person, Right, may
from improvement.policies import Preset
from improvement.sandbox import levels
from improvement.sandbox.levels import Probe
from improvement.selectors import policies, reviews, system
from improvement.selectors.system import SystemStatus
from webapp import heartbeats
from webapp.presenters import words


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail; ``count``: what waits there, ``None`` where nothing ever does."""

    name: str
    url: str
    icon: str
    here: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class WorkerLight:
    """Whether one process of a worker has stopped, and whether it was lost meanwhile."""

    name: str
    acknowledged: bool
    lost: bool


@dataclass(frozen=True, slots=True)
class HaltBanner:
    """The stop that stands: by whom, why, who already asked to lift it, and what the viewer may do."""

    ordered_by: str
    ordered_at: datetime
    reason: str
    asked_by: str
    workers: tuple[WorkerLight, ...]
    may_lift: bool
    needs_second: bool


@dataclass(frozen=True, slots=True)
class SandboxBanner:
    """Why nothing is evaluated on this machine, and what to do about it."""

    level: int
    needed: int
    why: tuple[str, ...]
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything around a page for one signed-in person."""

    places: tuple[Place, ...]
    person: str
    role: str
    keys: bool
    may_halt: bool
    health: str
    healthy: bool
    halt: HaltBanner | None = None
    sandbox: SandboxBanner | None = None


_PLACES = (
    ("Home", "home", "house"),
    ("Review", "queue", "inbox"),
    ("Runs", "runs", "activity"),
    ("Targets", "targets", "crosshair"),
    ("Strategies", "strategies", "workflow"),
    ("Models", "models", "bot"),
    ("Audit", "audit", "scroll-text"),
    ("Team", "team", "users"),
)


def around(person: Person, *, keys: bool, path: str, now: datetime) -> Frame:
    """Return the frame of a page for one person."""
    workers, probe = _workers(), levels.probe()
    waiting = reviews.count_for(person) + reviews.count_to_clear(person)
    return Frame(
        places=tuple(_place(name, route, icon, path, waiting) for name, route, icon in _PLACES),
        person=person.name,
        role=person.role.value,
        keys=keys,
        may_halt=may(person, Right.HALT),
        health=_health(system.status(), workers, probe, now),
        healthy=bool(workers),
        halt=_halt_banner(person, now),
        sandbox=_sandbox_banner(probe),
    )


def _place(name: str, route: str, icon: str, path: str, waiting: int) -> Place:
    url = reverse(route)
    here = (
        path == url
        if route == "home"
        else path.startswith(url) or (route == "queue" and path.startswith("/candidates/"))
    )
    return Place(name, url, icon, here, waiting if route == "queue" else None)


def _workers() -> tuple[str, ...]:
    """Return who works; nobody when Redis is away."""
    try:
        return heartbeats.workers()
    except redis.RedisError:
        return ()


def _lights(ordered_at: datetime, now: datetime) -> tuple[WorkerLight, ...]:
    """Return what each process of the workers says of the stop; nothing is heard of them when Redis is away."""
    try:
        said = heartbeats.acknowledgements(ordered_at, now=now)
    except redis.RedisError:
        return ()
    return tuple(WorkerLight(_spoken(one.name), one.stopped and not one.lost, one.lost) for one in said)


def _spoken(name: str) -> str:
    """Return a process's name for people: evaluations@here/2 is evaluations 2."""
    node, _, place = name.partition("/")
    return f"{node.partition('@')[0]} {place}"


def _health(status: SystemStatus, workers: tuple[str, ...], probe: Probe, now: datetime) -> str:
    parts = [counted(len(workers), "worker") if workers else "no worker answers", f"queue {status.queue}"]
    parts.append(
        f"log verified {words.ago(status.log_verified_at, now)}" if status.log_verified_at else "log not verified yet"
    )
    if probe.is_weak:
        parts.append(f"sandbox level {probe.level}")
    return " \u00b7 ".join(parts)


def _halt_banner(person: Person, now: datetime) -> HaltBanner | None:
    stop = system.halt()
    if stop is None:
        return None
    policy = policies.current()
    return HaltBanner(
        ordered_by=stop.ordered_by,
        ordered_at=stop.ordered_at,
        reason=stop.reason,
        asked_by=stop.resume_asked_by,
        workers=_lights(stop.ordered_at, now),
        may_lift=may(person, Right.LIFT_HALT) and stop.resume_asked_by_id != person.id,
        needs_second=policy is not None and policy.preset == Preset.TEAM.value and not stop.resume_asked_by,
    )


def _sandbox_banner(probe: Probe) -> SandboxBanner | None:
    needed = settings.SANDBOX_MIN_LEVEL
    if probe.level >= needed:
        return None
    return SandboxBanner(probe.level, needed, probe.why, probe.remedies(needed))
