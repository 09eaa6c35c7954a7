"""Reading people."""

from __future__ import annotations

import hashlib
from datetime import datetime

from improvement import permissions
from improvement.exceptions import NotFound
from improvement.models import ApiToken, SignInLink, User
from improvement.permissions import Person, Right, Role


def person_of(user: User) -> Person:
    """Return what decides about a user's rights; prefetch ``target_roles`` for lists."""
    narrowed = tuple((role.target_id, Role(role.role)) for role in user.target_roles.all())
    return Person(
        id=user.pk, name=user.get_username(), role=Role(user.role), active=user.is_active, target_roles=narrowed
    )


def by_name(name: str) -> User:
    """Return the person of a name, or raise ``NotFound``."""
    user = User.objects.filter(username__iexact=name).first()
    if user is None:
        raise NotFound(f"There is no person named {name}. `manage.py user create` or the Team page invites people.")
    return user


def by_id(user_id: int) -> User:
    """Return the person with an id, or raise ``NotFound``."""
    user = User.objects.filter(pk=user_id).prefetch_related("target_roles").first()
    if user is None:
        raise NotFound("There is no such person.")
    return user


def everyone() -> list[User]:
    """Return all people by name, with their roles on single targets."""
    return list(User.objects.order_by("username").prefetch_related("target_roles__target"))


def link(token: str, now: datetime) -> tuple[User | None, str]:
    """Return whom a one-time link signs in and why it cannot ("used", "expired", "unknown", or empty when it can)."""
    row = (
        SignInLink.objects.select_related("user").filter(token_hash=hashlib.sha256(token.encode()).hexdigest()).first()
    )
    if row is None or not row.user.is_active:
        return None, "unknown"
    if row.used_at is not None:
        return row.user, "used"
    return row.user, "expired" if row.expires_at <= now else ""


def open_invitations(now: datetime) -> set[int]:
    """Return the ids of people who have a one-time link that still works."""
    return set(SignInLink.objects.filter(used_at__isnull=True, expires_at__gt=now).values_list("user_id", flat=True))


def reviewers() -> int:
    """Return how many people may review by their role in the installation."""
    active = User.objects.filter(is_active=True).prefetch_related("target_roles")
    return sum(permissions.may(person_of(user), Right.REVIEW) for user in active)


def tokens() -> list[ApiToken]:
    """Return every token, oldest first, those that ended too."""
    return list(ApiToken.objects.select_related("user").order_by("pk"))
