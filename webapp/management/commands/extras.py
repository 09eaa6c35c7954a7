"""`manage.py extras`: the sets of packages that only some targets and strategies need, and installing them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from django.conf import settings

from bootstrap import virtual_environment
from bootstrap.problem import Problem
from improvement.commandline.answer import Answer
from improvement.commandline.command import CountersignCommand, sole_action
from improvement.commandline.text import columns
from improvement.engine import extras
from improvement.engine.extras import Extra
from improvement.exceptions import CannotStart


class Command(CountersignCommand):
    """List the extras, or install one."""

    help = "Lists the packages that only some targets and strategies need; with a name it installs them."
    needs_tables = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the names."""
        sole_action(parser, _act)
        parser.add_argument("name", metavar="NAME", nargs="?", help="an extra to install")


def _act(options: Namespace) -> Answer:
    if options.name:
        _install(extras.find(options.name))
    listed = extras.register()
    value = [
        {"name": one.name, "for": one.purpose, "installed": one.installed, "megabytes": one.megabytes} for one in listed
    ]
    rows = [(one.name, "yes" if one.installed else "no", f"{one.megabytes} MB", one.purpose) for one in listed]
    return Answer({"extras": value}, columns(("extra", "installed", "size", "for"), rows))


def _install(extra: Extra) -> None:
    try:
        virtual_environment.add(settings.BASE_DIR, f"requirements-{extra.name}.txt")
    except Problem as problem:
        raise CannotStart(str(problem)) from problem
