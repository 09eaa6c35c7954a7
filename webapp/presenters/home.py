"""Home: what needs the viewer, and what is running."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webapp.presenters.runs import RunLine
from webapp.presenters.stream_page import Proposal
from webapp.presenters.words import Chip


@dataclass(frozen=True, slots=True)
class Waiting:
    """A review that waits for people."""

    id: int
    title: str
    target: str
    isolation: str
    run_id: int | None
    risk: Chip
    summary: str
    approvals: int
    needed: int
    opened_at: datetime
    chip: Chip
    can_vote: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class SuspectLine:
    """A quarantined candidate: its score is above what is possible, and people say whether that can be."""

    id: int
    title: str
    target: str
    isolation: str
    run_id: int | None
    chip: Chip
    score: str
    proposed_at: datetime
    why_not: str


@dataclass(frozen=True, slots=True)
class HomePage:
    """Home."""

    greeting: str
    summary: str
    waiting: tuple[Waiting, ...]
    suspects: tuple[SuspectLine, ...]
    proposals: tuple[Proposal, ...]
    runs: tuple[RunLine, ...]
    has_targets: bool
    may_start: bool
    may_import: bool


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The review queue: what the viewer can decide, what waits for others, and scores above what is possible."""

    mine: tuple[Waiting, ...]
    others: tuple[Waiting, ...]
    suspects: tuple[SuspectLine, ...]
