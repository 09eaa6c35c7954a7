"""Role by right, as one table, and how a role on one target narrows it."""

from __future__ import annotations

from itertools import product

import pytest

from improvement import permissions
from improvement.exceptions import NotAllowed
from improvement.permissions import Person, Right, Role

#                     viewer operator reviewer admin auditor
TABLE = {
    Right.VIEW:          "yes    yes      yes      yes   yes",
    Right.START_RUN:     "no     yes      yes      yes   no",
    Right.START_PROGRAM: "no     yes      no       yes   no",
    Right.STEER_RUN:     "no     yes      yes      yes   no",
    Right.IMPORT_TARGET: "no     yes      no       yes   no",
    Right.READ_SERVER:   "no     no       no       yes   no",
    Right.FEED_STREAM:   "no     yes      yes      yes   no",
    Right.REVIEW:        "no     no       yes      yes   no",
    Right.ROLL_BACK:     "no     no       yes      yes   no",
    Right.HALT:          "no     yes      yes      yes   no",
    Right.LIFT_HALT:     "no     no       yes      yes   no",
    Right.EXPORT_AUDIT:  "no     no       yes      yes   yes",
    Right.MANAGE_PEOPLE: "no     no       no       yes   no",
    Right.CHANGE_POLICY: "no     no       no       yes   no",
    Right.MANAGE_MODELS: "no     no       no       yes   no",
}  # fmt: skip
ROLES = [Role.VIEWER, Role.OPERATOR, Role.REVIEWER, Role.ADMIN, Role.AUDITOR]
ALLOWED = {
    (role, right) for right, row in TABLE.items() for role, may in zip(ROLES, row.split(), strict=True) if may == "yes"
}
EVERY_PAIR = list(product(Role, Right))


def person(role: Role, **changes: object) -> Person:
    """Return somebody with a role."""
    return Person(**{"id": 1, "name": "bob", "role": role, **changes})  # type: ignore[arg-type]


def test_the_table_covers_every_role_and_right() -> None:
    assert set(TABLE) == set(Right)
    assert set(ROLES) == set(Role)


@pytest.mark.parametrize(("role", "right"), EVERY_PAIR)
def test_a_role_has_exactly_its_rights(role: Role, right: Right) -> None:
    assert permissions.may(person(role), right) is ((role, right) in ALLOWED)


@pytest.mark.parametrize(("role", "right"), EVERY_PAIR)
def test_somebody_locked_out_may_nothing(role: Role, right: Right) -> None:
    assert not permissions.may(person(role, active=False), right)


@pytest.mark.parametrize(("role", "narrowed"), list(product(Role, Role)))
def test_a_role_on_one_target_removes_rights_there_and_nowhere_else(role: Role, narrowed: Role) -> None:
    somebody = person(role, target_roles=((7, narrowed),))
    everywhere, there = permissions.RIGHTS[role], permissions.RIGHTS[narrowed]
    assert permissions.rights_of(somebody, 7) == everywhere & there
    assert permissions.rights_of(somebody, 8) == everywhere
    assert permissions.rights_of(somebody) == everywhere


def test_a_refusal_says_who_what_and_which_role_it_needs() -> None:
    with pytest.raises(NotAllowed) as refusal:
        permissions.check_may(person(Role.VIEWER), Right.REVIEW)
    assert refusal.value.message == (
        "bob may not review candidates: that needs the role reviewer, admin. Ask an administrator."
    )
