"""The audit trail as plain sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webapp.presenters.paging import Pager

EVERYTHING = "everything"
TypeGroup = tuple[str, tuple[tuple[str, str], ...]]
"""What a group of events is about, and each type of it: its name in the log and in words."""
SHARES = (("", "Decisions"), (EVERYTHING, "Everything"))


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One event: its number in the log, and the sentence that says what happened."""

    seq: int
    at: datetime
    text: str
    kind: str
    icon: str
    tone: str
    run: int | None
    reason: str
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """What the list is narrowed to, as typed into the form."""

    type: str = ""
    actor: str = ""
    run: str = ""
    since: str = ""
    until: str = ""
    show: str = ""

    @property
    def everything(self) -> bool:
        """Whether what the loop records of itself is shown too: when asked for, by its own type or altogether."""
        return self.show == EVERYTHING or bool(self.type)

    @property
    def any(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.type or self.actor or self.run or self.since or self.until)


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of the whole log found."""

    ok: bool
    size: int
    root: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The audit trail."""

    lines: tuple[AuditLine, ...]
    pager: Pager
    filters: AuditFilters
    types: tuple[TypeGroup, ...]
    actors: tuple[str, ...]
    size: int
    bundle: str
    key_file: str
    verified_at: datetime | None
    may_export: bool
    verification: Verification | None = None
    shares: tuple[tuple[str, str], ...] = SHARES

    @property
    def share(self) -> str:
        """Which of the shares is shown."""
        return EVERYTHING if self.filters.everything else ""
