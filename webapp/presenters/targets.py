"""Targets: the list, one target's page, and the built-in strategies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webapp.presenters.runs import RunLine
from webapp.presenters.stream_page import StreamPage


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One target in the list."""

    name: str
    description: str
    kind: str
    isolation: str
    champion: str
    change: str
    tone: str
    commit: str
    runs: int
    waiting: int


@dataclass(frozen=True, slots=True)
class TargetsPage:
    """The list of targets."""

    targets: tuple[TargetLine, ...]
    may_import: bool


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One metric of the manifest and what guards it."""

    name: str
    better: str
    unit: str
    rules: str
    primary: bool


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """One move of the champion; ``rollback_to`` is its commit when the champion can be moved back there."""

    kind: str
    tone: str
    icon: str
    commit: str
    score: str
    candidate: int | None
    by: str
    reason: str
    self_countersigned: bool
    at: datetime
    current: bool
    rollback_to: str


@dataclass(frozen=True, slots=True)
class TargetPage:
    """One target.

    ``moving`` says that a release or rollback is under way, ``moves`` whether it goes on by itself; ``strayed`` where a
    branch is that is not at the champion.
    """

    name: str
    description: str
    kind: str
    format: str
    isolation: str
    champion: str
    change: str
    tone: str
    commit: str
    moving: str
    moves: bool
    strayed: str
    clone: str
    editable: tuple[str, ...]
    evaluator: str
    command: str
    limits: str
    holdout: str
    holdout_uses: int
    metrics: tuple[MetricLine, ...]
    warnings: tuple[str, ...]
    manifest: str
    releases: tuple[ReleaseLine, ...]
    runs: tuple[RunLine, ...]
    may_start: bool
    may_roll_back: bool
    stream: StreamPage | None


@dataclass(frozen=True, slots=True)
class StrategyLine:
    """One strategy package: what it does and its settings (name, default, what it means)."""

    name: str
    version: str
    description: str
    settings: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StrategiesPage:
    """The strategies that runs can use."""

    strategies: tuple[StrategyLine, ...]
    may_start: bool


@dataclass(frozen=True, slots=True)
class ImportPage:
    """How an import that somebody asked for stands: queued, done (with the target's name) or refused (and why).

    ``table`` is the uploaded table that it was to be made of, as long as there is one.
    """

    id: int
    state: str
    message: str
    target: str
    name: str
    asked_at: datetime
    table: int | None = None
