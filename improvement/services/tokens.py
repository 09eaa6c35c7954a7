"""Tokens that programs show instead of a person: made once, shown once, ended by whoever made them. None can vote."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from improvement import permissions
from improvement.exceptions import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn
from improvement.models import ApiToken, User
from improvement.permissions import Right
from improvement.services import audit
from improvement.services.actors import Actor, by_token, require_person

SCOPES = ("observe",)
"""What a token can be made for: "observe" sends observations of targets that follow a stream."""
PREFIX = "countersign_"
_NOTED_EVERY = timedelta(minutes=1)


@audit.turn()
def create(user: User, *, name: str, scopes: Sequence[str], actor: Actor, now: datetime) -> str:
    """Return a new token of a person; only its hash is kept, so this is the one time that it can be read."""
    _check_may(user, actor)
    title = name.strip()
    if not title or len(title) > 80:
        raise Invalid("Give the token a name of 1 to 80 characters that says what uses it.")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Invalid(f"A token needs scopes, and there are: {', '.join(SCOPES)}.")
    text = PREFIX + secrets.token_urlsafe(32)
    chosen = sorted(set(scopes))
    token = ApiToken.objects.create(user=user, name=title, scopes=chosen, token_hash=_hash(text), created_at=now)
    _record("token.created", token, actor=actor, now=now)
    return text


@audit.turn()
def revoke(token_id: int, *, actor: Actor, now: datetime) -> ApiToken:
    """End a token at once; raises Conflict when it has ended already."""
    token = ApiToken.objects.select_for_update(of=("self",)).select_related("user").filter(pk=token_id).first()
    if token is None:
        raise NotFound(f"There is no token {token_id}; `token list` shows them.")
    _check_may(token.user, actor)
    if token.revoked_at is not None:
        raise Conflict(f"The token {token.name} was revoked already.")
    token.revoked_at = now
    token.save(update_fields=["revoked_at"])
    _record("token.revoked", token, actor=actor, now=now)
    return token


def actor_of(text: str, *, scope: str, now: datetime) -> Actor:
    """Return who acts by a token; raises NotSignedIn for one that is not good, NotAllowed without the scope.

    Whoever has no good token makes the database write nothing, and wait for nobody who writes.
    """
    token = ApiToken.objects.select_related("user").filter(token_hash=_hash(text), revoked_at__isnull=True).first()
    if token is None or not token.user.is_active:
        raise NotSignedIn("This token is not known here, or was revoked. Make one: manage.py token create.")
    if scope not in token.scopes:
        raise NotAllowed(f"The token {token.name} may not {scope}. Make one with that scope: manage.py token create.")
    if token.last_used_at is None or now - token.last_used_at > _NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return by_token(token)


def _check_may(user: User, actor: Actor) -> None:
    """People make and end tokens of their own; those of others are for administrators."""
    person = require_person(actor, "make or end a token")
    if person.id != user.pk:
        permissions.check_may(person, Right.MANAGE_PEOPLE)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _record(kind: str, token: ApiToken, *, actor: Actor, now: datetime) -> None:
    subject = {"kind": "user", "id": f"user:{token.user_id}", "name": token.user.get_username()}
    data = {"token": token.pk, "name": token.name, "scopes": ", ".join(token.scopes)}
    audit.append(kind, actor=actor, subject=subject, data=data, now=now)
