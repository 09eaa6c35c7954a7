"""Team: people, roles, invitations and the policy preset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from improvement.permissions import Person, Right, Role, may
from improvement.policies import Preset
from improvement.selectors import people, targets
from webapp.presenters.policies import PolicyView, policy_view

if TYPE_CHECKING:
    from improvement.models import PolicyVersion, User


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person; ``joined`` is false while an invitation is open, ``narrowed`` names target and role there."""

    id: int
    name: str
    role: str
    joined: bool
    active: bool
    last_seen: datetime | None
    me: bool
    narrowed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that was just made and is shown this once."""

    name: str
    link: str


@dataclass(frozen=True, slots=True)
class TeamPage:
    """The team.

    ``becomes_team``: the policy is solo only as long as one person may review; ``must_be_team``: more than one may.
    """

    people: tuple[PersonLine, ...]
    roles: tuple[tuple[str, str, str], ...]
    policy: PolicyView
    presets: tuple[tuple[str, str, str], ...]
    may_manage: bool
    may_choose: bool
    becomes_team: bool
    must_be_team: bool
    targets: tuple[str, ...] = ()
    invitation: Invitation | None = None


_ROLES = {
    Role.VIEWER: "looks at everything",
    Role.OPERATOR: "imports targets, starts and steers runs",
    Role.REVIEWER: "countersigns changes, starts runs, rolls back",
    Role.ADMIN: "everything, and people, policy and language models",
    Role.AUDITOR: "looks at everything, exports the trail",
}
_PRESETS = {
    Preset.SOLO: "For one person: approving your own run counts, with a typed reason, and is marked for ever.",
    Preset.TEAM: "Nobody approves what they started; high risk needs two people.",
}


def page(me: Person, policy: PolicyVersion, *, invitation: Invitation | None, now: datetime) -> TeamPage:
    """Return the team as one person sees it."""
    invited = people.open_invitations(now)
    return TeamPage(
        people=tuple(_person(one, me.id, invited) for one in people.everyone()),
        roles=tuple((role.value, role.value.title(), what) for role, what in _ROLES.items()),
        policy=policy_view(policy),
        presets=tuple((preset.value, preset.value.title(), what) for preset, what in _PRESETS.items()),
        may_manage=may(me, Right.MANAGE_PEOPLE),
        may_choose=may(me, Right.CHANGE_POLICY),
        becomes_team=policy.preset == Preset.SOLO.value,
        must_be_team=policy.preset == Preset.TEAM.value and people.reviewers() > 1,
        targets=tuple(target.name for target in targets.all_targets(me)),
        invitation=invitation,
    )


def _person(one: User, me: int, invited: set[int]) -> PersonLine:
    return PersonLine(
        id=one.pk,
        name=one.get_username(),
        role=one.role,
        joined=one.has_usable_password() or one.last_login is not None or one.pk not in invited,
        active=one.is_active,
        last_seen=one.last_login,
        me=one.pk == me,
        narrowed=tuple(sorted((narrow.target.name, narrow.role) for narrow in one.target_roles.all())),
    )
