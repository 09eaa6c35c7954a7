"""What surrounds every page: the rail, the stop banner, the sandbox banner and the rail's foot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail; ``count`` is shown beside it when it is not 0."""

    name: str
    url: str
    icon: str
    here: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class WorkerLight:
    """Whether one worker has acknowledged the stop."""

    name: str
    acknowledged: bool


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
