"""`manage.py token`: tokens that programs show instead of a person."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from django.utils import timezone

from improvement.commandline import caller
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.commandline.text import columns, moment_or_none
from improvement.models import ApiToken
from improvement.selectors import people as read
from improvement.services import tokens


class Command(CountersignCommand):
    """Tokens: create, list, revoke."""

    help = "Makes tokens for programs, lists them, and revokes them. No token can vote."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        creating = actions.add("create", _create, "make a token and print it, this once")
        creating.add_argument("--user", required=True, metavar="USER", help="the person whose rights it has")
        creating.add_argument(
            "--scopes", required=True, metavar="SCOPES", help=f"what it is for, by commas: {', '.join(tokens.SCOPES)}"
        )
        creating.add_argument("--name", default="command line", metavar="TEXT", help="what will use it")
        caller.add_as(creating)
        actions.add("list", _list, "list the tokens")
        revoking = actions.add("revoke", _revoke, "end a token at once")
        revoking.add_argument("token", metavar="NUMBER", type=int, help="its number in the list")
        caller.add_as(revoking)


def _create(options: Namespace) -> Answer:
    user, scopes = read.by_name(options.user), [scope.strip() for scope in options.scopes.split(",")]
    actor, now = caller.actor(options), timezone.now()
    text = tokens.create(user, name=options.name, scopes=scopes, actor=actor, now=now)
    lines = [f"This token acts for {options.user} and is shown this once:", text]
    return Answer({"user": options.user, "scopes": scopes, "token": text}, lines)


def _list(options: Namespace) -> Answer:
    caller.reader()
    rows = read.tokens()
    table = [(str(one.pk), one.user.get_username(), one.name, ", ".join(one.scopes), _state(one)) for one in rows]
    lines = columns(("token", "user", "name", "scopes", ""), table) if table else ["There is no token."]
    return Answer({"tokens": list(map(_value, rows))}, lines)


def _revoke(options: Namespace) -> Answer:
    token = tokens.revoke(options.token, actor=caller.actor(options), now=timezone.now())
    return Answer(_value(token), [f"The token {token.name} of {token.user.get_username()} ended."])


def _state(token: ApiToken) -> str:
    return "revoked" if token.revoked_at else ""


def _value(token: ApiToken) -> dict[str, Any]:
    return {
        "token": token.pk,
        "user": token.user.get_username(),
        "name": token.name,
        "scopes": token.scopes,
        "last_used": moment_or_none(token.last_used_at),
        "revoked": token.revoked_at is not None,
    }
