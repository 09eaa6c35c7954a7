"""People: the first administrator, invitations, one-time links, roles and passwords."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from improvement import permissions
from improvement.exceptions import Conflict, Invalid, NotAllowed, NotFound
from improvement.models import SignInLink, TargetRole, User
from improvement.permissions import Right, Role
from improvement.selectors import targets
from improvement.services import audit, policies
from improvement.services.actors import SYSTEM, Actor, human, require_person

FIRST_ADMINISTRATOR = "admin"
LINK_LIFETIME = timedelta(minutes=30)
INVITATION_LIFETIME = timedelta(days=7)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,79}")


@audit.turn()
def ensure_first_administrator(*, now: datetime) -> str:
    """Return the path of a fresh one-time sign-in link for the first administrator, making that person if needed."""
    user = User.objects.filter(role=Role.ADMIN.value, is_active=True).order_by("id").first()
    if user is None:
        user = User(username=FIRST_ADMINISTRATOR, role=Role.ADMIN.value)
        user.set_unusable_password()
        user.save()
        _record("user.invited", user, by=SYSTEM, data={"role": user.role}, now=now)
        policies.current(now=now)
    else:
        _record("user.link_made", user, by=SYSTEM, data={}, now=now)
    SignInLink.objects.filter(user=user, used_at__isnull=True).delete()
    return _link(user, lifetime=LINK_LIFETIME, now=now)


@audit.turn()
def invite(name: str, *, role: str, actor: Actor, now: datetime) -> str:
    """Make a person with a role and return the path of the invitation link (valid 7 days, one use)."""
    _check_manager(actor)
    _check_name(name)
    chosen = _role(role)
    if User.objects.filter(username__iexact=name).exists():
        raise Conflict(f"There is already a person named {name}. Choose another name, or change that person's role.")
    user = User(username=name, role=chosen.value)
    user.set_unusable_password()
    user.save()
    _record("user.invited", user, by=actor, data={"role": chosen.value}, now=now)
    policies.follow_people(now=now)
    return _link(user, lifetime=INVITATION_LIFETIME, now=now)


@audit.turn()
def renew_invitation(user_id: int, *, actor: Actor, now: datetime) -> str:
    """Return a new one-time link for somebody who lost theirs or forgot the password; older links end.

    Using it ends the password that was forgotten: the next page asks for a new one.
    """
    _check_manager(actor)
    user = _user(user_id)
    SignInLink.objects.filter(user=user, used_at__isnull=True).delete()
    _record("user.link_made", user, by=actor, data={}, now=now)
    return _link(user, lifetime=INVITATION_LIFETIME, now=now, replaces_password=True)


def check_link(token: str, *, now: datetime) -> User:
    """Return whom a one-time link would sign in, without using it up."""
    link = SignInLink.objects.select_related("user").filter(token_hash=_hash(token)).first()
    if link is None or not link.user.is_active:
        raise NotFound("This link is not known here. Ask for a new one, or start `manage.py up` again to print one.")
    if link.used_at is not None:
        raise Conflict("This link was used already. Sign in with your password, or ask for a new link.")
    if link.expires_at <= now:
        raise Conflict("This link has expired. Ask for a new one, or start `manage.py up` again to print one.")
    return link.user


@audit.turn()
def use_link(token: str, *, now: datetime) -> User:
    """Use a one-time link up and return the person it signs in; a second use is refused."""
    user = check_link(token, now=now)
    if SignInLink.objects.filter(token_hash=_hash(token), used_at__isnull=True).update(used_at=now) != 1:
        raise Conflict("This link was used already. Sign in with your password, or ask for a new link.")
    if SignInLink.objects.filter(token_hash=_hash(token), replaces_password=True).exists():
        user.set_unusable_password()
        user.save(update_fields=["password"])
        _record("user.password_ended", user, by=human(user), data={}, now=now)
    record_sign_in(user, how="one-time link", now=now)
    return user


@audit.turn()
def record_sign_in(user: User, *, how: str, now: datetime) -> None:
    """Write into the trail that somebody signed in, and how."""
    first = user.last_login is None
    kind = "user.joined" if first else "user.signed_in"
    _record(kind, user, by=human(user), data={"how": how, "role": user.role}, now=now)


@audit.turn()
def set_password(password: str, *, current: str | None, actor: Actor, now: datetime) -> User:
    """Set the acting person's own password; once there is one, the current one must be given."""
    person = require_person(actor, "have a password")
    user = _user(person.id)
    if user.has_usable_password() and (current is None or not user.check_password(current)):
        raise Invalid("The current password is not right.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from error
    first = not user.has_usable_password()
    user.set_password(password)
    user.save(update_fields=["password"])
    _record("user.password_set" if first else "user.password_changed", user, by=actor, data={}, now=now)
    return user


@transaction.atomic
def set_keyboard_shortcuts(user_id: int, enabled: bool) -> None:
    """Switch a person's single-key shortcuts on or off."""
    User.objects.filter(pk=user_id).update(keyboard_shortcuts=enabled)


@audit.turn()
def change_role(user_id: int, *, role: str, actor: Actor, now: datetime, target_name: str | None = None) -> None:
    """Change somebody's role for the installation, or narrow it on one target (role "" lifts that)."""
    _check_manager(actor)
    user = _user(user_id)
    if target_name is None:
        _keep_an_administrator(user, _role(role))
        User.objects.filter(pk=user.pk).update(role=_role(role).value)
    else:
        _narrow(user, role, target_name)
    data = {"role": role or "as in the installation", "before": user.role, "target": target_name or ""}
    _record("user.role_changed", user, by=actor, data=data, now=now)
    policies.follow_people(now=now)


@audit.turn()
def set_active(user_id: int, active: bool, *, actor: Actor, now: datetime) -> None:
    """Let somebody in again or keep them out; their votes in the trail stay."""
    _check_manager(actor)
    user = _user(user_id)
    if actor.person_id == user.pk:
        raise NotAllowed("You cannot lock yourself out. Ask another administrator.")
    if not active:
        _keep_an_administrator(user, Role.VIEWER)
    User.objects.filter(pk=user.pk).update(is_active=active)
    data = {"role": user.role if active else "locked out", "before": user.role, "target": ""}
    _record("user.role_changed", user, by=actor, data=data, now=now)
    policies.follow_people(now=now)


def _check_manager(actor: Actor) -> None:
    person = require_person(actor, "manage people")
    permissions.check_may(person, Right.MANAGE_PEOPLE)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot be a name: use 1 to 80 letters, digits or _ . @ + - and begin with a letter or digit."
        )


def _keep_an_administrator(user: User, new: Role) -> None:
    if user.role != Role.ADMIN.value or new is Role.ADMIN:
        return
    if not User.objects.filter(role=Role.ADMIN.value, is_active=True).exclude(pk=user.pk).exists():
        raise Conflict("This is the last administrator. Make somebody else an administrator first.")


def _narrow(user: User, role: str, target_name: str) -> None:
    target = targets.named(target_name)
    if role:
        TargetRole.objects.update_or_create(user=user, target=target, defaults={"role": _role(role).value})
    else:
        TargetRole.objects.filter(user=user, target=target).delete()


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        names = ", ".join(r.value for r in Role)
        raise Invalid(f"There is no role {role!r}: choose one of {names}.") from None


def _user(user_id: int) -> User:
    user = User.objects.select_for_update(of=("self",)).filter(pk=user_id).first()
    if user is None:
        raise NotFound("There is no such person. Reload the Team page.")
    return user


def _record(kind: str, user: User, *, by: Actor, data: Mapping[str, str], now: datetime) -> None:
    subject = {"kind": "user", "id": f"user:{user.pk}", "name": user.username}
    audit.append(kind, actor=by, subject=subject, data=data, now=now)


def _link(user: User, *, lifetime: timedelta, now: datetime, replaces_password: bool = False) -> str:
    token = secrets.token_urlsafe(24)
    SignInLink.objects.create(
        token_hash=_hash(token),
        user=user,
        created_at=now,
        expires_at=now + lifetime,
        replaces_password=replaces_password,
    )
    return f"/enter/{token}/"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
