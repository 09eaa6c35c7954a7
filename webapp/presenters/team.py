"""Team: people, roles, invitations and the policy preset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webapp.presenters.runs import PolicyView


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person; ``joined`` is false while an invitation is open."""

    id: int
    name: str
    role: str
    joined: bool
    active: bool
    last_seen: datetime | None
    me: bool


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that was just made and is shown this once."""

    name: str
    link: str


@dataclass(frozen=True, slots=True)
class TeamPage:
    """The team."""

    people: tuple[PersonLine, ...]
    roles: tuple[tuple[str, str, str], ...]
    policy: PolicyView
    presets: tuple[tuple[str, str, str], ...]
    may_manage: bool
    may_choose: bool
    invitation: Invitation | None = None
