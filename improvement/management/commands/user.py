"""`manage.py user`: invite people, list them, and give somebody a new one-time link."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from django.utils import timezone

from improvement.commandline import caller, server
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.commandline.text import columns, moment_or_none
from improvement.models import User
from improvement.permissions import Role
from improvement.selectors import people as read
from improvement.services import people


class Command(CountersignCommand):
    """People: create, list, password-link."""

    help = "Invites people, lists them, and prints new one-time links."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        creating = actions.add("create", _create, "invite somebody and print the invitation link")
        creating.add_argument("name", metavar="NAME", help="the name to sign in with")
        creating.add_argument("--role", required=True, choices=[role.value for role in Role], help="what they may do")
        caller.add_as(creating)
        actions.add("list", _list, "list everybody with their roles")
        linking = actions.add("password-link", _link, "print a new one-time link for somebody who lost theirs")
        linking.add_argument("name", metavar="NAME", help="the person's name")
        caller.add_as(linking)


def _create(options: Namespace) -> Answer:
    path = people.invite(options.name, role=options.role, actor=caller.actor(options), now=timezone.now())
    return _linked(read.by_name(options.name), path)


def _link(options: Namespace) -> Answer:
    user = read.by_name(options.name)
    path = people.renew_invitation(user.pk, actor=caller.actor(options), now=timezone.now())
    return _linked(user, path)


def _linked(user: User, path: str) -> Answer:
    link = f"{server.url()}{path}"
    lines = [
        f"{user.get_username()} ({user.role}) signs in once, within {people.INVITATION_LIFETIME.days} days, with:",
        link,
    ]
    return Answer({**_value(user), "link": link}, lines)


def _list(options: Namespace) -> Answer:
    caller.reader()
    everyone = read.everyone()
    rows = [(user.get_username(), user.role, "" if user.is_active else "locked out") for user in everyone]
    return Answer({"users": list(map(_value, everyone))}, columns(("name", "role", ""), rows))


def _value(user: User) -> dict[str, Any]:
    return {
        "user": user.get_username(),
        "role": user.role,
        "active": user.is_active,
        "target_roles": {one.target.name: one.role for one in user.target_roles.select_related("target")},
        "last_login": moment_or_none(user.last_login),
    }
