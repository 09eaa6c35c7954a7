"""Who may do what: roles for the installation, narrowed per target where wanted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from improvement.exceptions import NotAllowed


class Role(StrEnum):
    """What a person is in the installation; a role on one target can only narrow it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Right(StrEnum):
    """One thing a person may do."""

    VIEW = "view"
    START_RUN = "start a run"
    START_PROGRAM = "start a run in which a program edits working copies"
    STEER_RUN = "pause, resume or stop a run"
    IMPORT_TARGET = "import a target"
    READ_SERVER = "import from a directory of the server"
    REVIEW = "review candidates"
    ROLL_BACK = "roll a champion back"
    HALT = "stop everything"
    LIFT_HALT = "lift the stop"
    EXPORT_AUDIT = "export the audit trail"
    MANAGE_PEOPLE = "invite people and change roles"
    FEED_STREAM = "feed a target's stream"
    CHANGE_POLICY = "change the policy"
    MANAGE_MODELS = "add, change, test or remove language models"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.AUDITOR: frozenset({Right.VIEW, Right.EXPORT_AUDIT}),
    Role.OPERATOR: frozenset(
        {
            Right.VIEW,
            Right.START_RUN,
            Right.START_PROGRAM,
            Right.STEER_RUN,
            Right.IMPORT_TARGET,
            Right.FEED_STREAM,
            Right.HALT,
        }
    ),
    Role.REVIEWER: frozenset(
        {
            Right.VIEW,
            Right.START_RUN,
            Right.STEER_RUN,
            Right.FEED_STREAM,
            Right.REVIEW,
            Right.ROLL_BACK,
            Right.HALT,
            Right.LIFT_HALT,
            Right.EXPORT_AUDIT,
        }
    ),
    Role.ADMIN: frozenset(Right),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts: a plain copy of what decides about rights. ``target_roles`` maps target id to role."""

    id: int
    name: str
    role: Role
    active: bool = True
    target_roles: tuple[tuple[int, Role], ...] = ()

    def role_on(self, target_id: int | None) -> Role:
        """Return the role that counts on a target: the narrower one where a target role is set."""
        return dict(self.target_roles).get(target_id, self.role) if target_id is not None else self.role


def rights_of(person: Person, target_id: int | None = None) -> frozenset[Right]:
    """Return everything this person may do; a target role removes rights and never adds any."""
    if not person.active:
        return frozenset()
    return RIGHTS[person.role] & RIGHTS[person.role_on(target_id)]


def check_may(person: Person, right: Right, target_id: int | None = None) -> None:
    """Raise ``NotAllowed`` unless this person has this right."""
    if right not in rights_of(person, target_id):
        holders = ", ".join(role.value for role in Role if right in RIGHTS[role])
        raise NotAllowed(f"{person.name} may not {right.value}: that needs the role {holders}. Ask an administrator.")


def may(person: Person, right: Right, target_id: int | None = None) -> bool:
    """Ask what ``check_may`` enforces."""
    try:
        check_may(person, right, target_id)
    except NotAllowed:
        return False
    return True
