"""Narrowing lists to what a person may see."""

from __future__ import annotations

from improvement import permissions
from improvement.exceptions import NotFound
from improvement.permissions import Person, Right


def check_may_view(person: Person, target_id: int, what: str) -> None:
    """Raise ``NotFound`` for what this person may not see: that it exists is not told."""
    if not permissions.may(person, Right.VIEW, target_id):
        raise NotFound(f"There is no {what}.")


def hidden_targets(person: Person) -> list[int]:
    """Return the ids of targets that this person may not see."""
    return [target for target, _ in person.target_roles if not permissions.may(person, Right.VIEW, target)]
