"""`manage.py user`: invite people, list them, give a new one-time link, change roles, lock out and let in again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from django.utils import timezone

from improvement.commandline import caller, server
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.commandline.text import columns, moment_or_none
from improvement.exceptions import Invalid
from improvement.models import User
from improvement.permissions import Role
from improvement.selectors import people as read
from improvement.services import people

INHERIT = "inherit"


class Command(CountersignCommand):
    """People: create, list, password-link, role, lock, unlock."""

    help = "Invites people, lists them, prints new one-time links, changes roles, and locks people out."

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
        self._add_changes(actions)

    def _add_changes(self, actions: Actions) -> None:
        changing = actions.add("role", _role, "change somebody's role, or narrow it on one target")
        changing.add_argument("name", metavar="NAME", help="the person's name")
        changing.add_argument(
            "--role",
            required=True,
            choices=[*(role.value for role in Role), INHERIT],
            help=f"what they may do; {INHERIT}, with --target: there too what they may do elsewhere",
        )
        changing.add_argument("--target", metavar="TARGET", help="only on this target; it only takes rights away")
        caller.add_as(changing)
        for name, act, summary in (
            ("lock", _lock, "lock somebody out; what they did stays in the trail"),
            ("unlock", _unlock, "let somebody in again"),
        ):
            parser = actions.add(name, act, summary)
            parser.add_argument("name", metavar="NAME", help="the person's name")
            caller.add_as(parser)


def _create(options: Namespace) -> Answer:
    path = people.invite(options.name, role=options.role, actor=caller.actor(options), now=timezone.now())
    return _linked(read.by_name(options.name), path)


def _link(options: Namespace) -> Answer:
    user = read.by_name(options.name)
    path = people.renew_invitation(user.pk, actor=caller.actor(options), now=timezone.now())
    return _linked(user, path)


def _role(options: Namespace) -> Answer:
    user, target = read.by_name(options.name), options.target
    if options.role == INHERIT and target is None:
        raise Invalid(f"--role {INHERIT} lifts what --target narrowed: name that target.")
    role = "" if options.role == INHERIT else options.role
    people.change_role(user.pk, role=role, target_name=target, actor=caller.actor(options), now=timezone.now())
    changed = read.by_name(user.get_username())
    where = f" on {target}" if target else ""
    return Answer(_value(changed), [f"{changed.get_username()} is {role or changed.role}{where} now."])


def _lock(options: Namespace) -> Answer:
    return _set_active(options, False, "is locked out.")


def _unlock(options: Namespace) -> Answer:
    return _set_active(options, True, "may sign in again.")


def _set_active(options: Namespace, active: bool, said: str) -> Answer:
    user = read.by_name(options.name)
    people.set_active(user.pk, active, actor=caller.actor(options), now=timezone.now())
    changed = read.by_name(user.get_username())
    return Answer(_value(changed), [f"{changed.get_username()} {said}"])


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
        "target_roles": {one.target.name: one.role for one in user.target_roles.all()},
        "last_login": moment_or_none(user.last_login),
    }
