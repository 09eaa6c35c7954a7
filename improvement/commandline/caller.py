"""Who acts on the command line: the owner of the data directory, in the name of a person."""

from __future__ import annotations

import getpass
import os
import pwd
import sys
from argparse import ArgumentParser, Namespace

from django.utils import timezone

from improvement import installation
from improvement.exceptions import NotAllowed
from improvement.models import User
from improvement.permissions import Person, Role
from improvement.policies import Preset
from improvement.selectors import people as read_people
from improvement.selectors import policies as read_policies
from improvement.services import people
from improvement.services.actors import Actor, human


def add_as(parser: ArgumentParser, *, required: bool = False) -> None:
    """Let an action be told in whose name it acts."""
    default = "" if required else " (default: the first administrator)"
    parser.add_argument("--as", dest="as_", metavar="USER", required=required, help=f"the person who acts{default}")


def add_password(parser: ArgumentParser) -> None:
    """Let an action take the acting person's password, which the policy ``team`` asks for."""
    parser.add_argument("--password-stdin", action="store_true", help="read that person's password from standard input")


def actor(options: Namespace) -> Actor:
    """Return the person named by ``--as``, or the first administrator, acting by command line.

    Raises ``NotAllowed`` unless the caller owns the data directory, or for somebody who is locked out.
    """
    return human(_user(getattr(options, "as_", None)), via="command line")


def confirmed_actor(options: Namespace) -> Actor:
    """Return the person as ``actor`` does; under the policy ``team`` only with that person's password."""
    user = _user(options.as_)
    policy = read_policies.current()
    if policy is not None and policy.preset == Preset.TEAM.value:
        _check_password(user, from_stdin=options.password_stdin)
    return human(user, via="command line")


def reader() -> Person:
    """Return the person whose eyes a reading command has: the first administrator."""
    return read_people.person_of(_user(None))


def _user(name: str | None) -> User:
    _check_owner()
    user = read_people.by_name(name) if name else _first_administrator()
    if not user.is_active:
        raise NotAllowed(f"{user.get_username()} is locked out. An administrator can change that on the Team page.")
    return user


def _first_administrator() -> User:
    administrators = User.objects.filter(role=Role.ADMIN.value, is_active=True).order_by("id")
    if not administrators.exists():
        people.ensure_first_administrator(now=timezone.now())
    return administrators[0]


def _check_owner() -> None:
    directory = installation.data_directory()
    owner = directory.stat().st_uid
    if owner != os.geteuid():
        raise NotAllowed(
            f"{directory} belongs to {_name_of(owner)}, and this command runs as {_name_of(os.geteuid())}: "
            "only its owner may act on the command line."
        )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _check_password(user: User, *, from_stdin: bool) -> None:
    name = user.get_username()
    if not user.has_usable_password():
        raise NotAllowed(
            f"The policy asks for {name}'s password, and {name} has none yet: sign in once with a link and set one."
        )
    if not user.check_password(_ask_password(name, from_stdin=from_stdin)):
        raise NotAllowed(f"This is not {name}'s password, so nothing was decided.")


def _ask_password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if sys.stdin.isatty():
        return getpass.getpass(f"Password of {name}: ")
    raise NotAllowed(
        f"The policy asks for {name}'s password: give it with --password-stdin, or run the command on a terminal."
    )
