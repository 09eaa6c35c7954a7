"""Runs: the list, the form's strategies, and the page that follows one live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webapp.presenters.budgets import BudgetView
from webapp.presenters.charts import FirstPaint
from webapp.presenters.paging import Column, Pager
from webapp.presenters.policies import PolicyView
from webapp.presenters.words import Chip


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run in a list: ``change`` is how far the champion came, ``tone`` whether that is better."""

    id: int
    target: str
    isolation: str
    chip: Chip
    warning: Chip | None
    strategy: str
    champion: str
    change: str
    tone: str
    evaluations: int
    budget: int
    spent: str
    spark: str
    starter: str
    created_at: datetime
    demo: bool

    @property
    def progress(self) -> str:
        """How much of the budget is spent."""
        return f"{self.evaluations:,} / {self.budget:,}"


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The list of runs."""

    runs: tuple[RunLine, ...]
    pager: Pager
    states: tuple[tuple[str, str], ...]
    state: str
    targets: tuple[str, ...]
    target: str
    may_start: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure above the chart. ``key`` names it for the script, ``tone`` colours ``detail``'s beginning."""

    key: str
    label: str
    value: str
    of: str = ""
    change: str = ""
    tone: str = ""
    detail: str = ""
    link: str = ""
    link_text: str = ""
    done: int | None = None
    whole: int | None = None


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One live event as people read it; ``text`` is plain, the candidates it names become links."""

    number: int
    tone: str
    icon: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """One candidate in a run's table."""

    id: int
    chip: Chip
    score: str
    versus: str
    tone: str
    holdout: str
    origin: str
    parents: tuple[int, ...]
    added: int
    removed: int
    seconds: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class CandidatesTable:
    """One page of a run's candidates, sorted on the server."""

    run_id: int
    columns: tuple[Column, ...]
    lines: tuple[CandidateLine, ...]
    pager: Pager
    states: tuple[tuple[str, str], ...]
    state: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One measurement that went wrong, or a line worth reading: whose it is, what happened, and its output."""

    candidate: int | None
    stage: str
    outcome: str
    message: str
    log: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run, followed live."""

    id: int
    target: str
    isolation: str
    chip: Chip
    wait_reason: str
    halted: bool
    strategy: str
    commit: str
    starter: str
    created_at: datetime
    demo: bool
    seed: int
    parameters: tuple[tuple[str, str], ...]
    metric: str
    unit: str
    figures: tuple[Figure, ...]
    paint: FirstPaint
    feed: tuple[FeedLine, ...]
    cursor: int
    tab: str
    tabs: tuple[tuple[str, str], ...]
    may_pause: bool
    may_resume: bool
    may_stop: bool
    budget: BudgetView
    candidates: CandidatesTable | None = None
    history: tuple[FeedLine, ...] = ()
    logs: tuple[LogLine, ...] = ()
    policy: PolicyView | None = None
    policy_now: str = ""
