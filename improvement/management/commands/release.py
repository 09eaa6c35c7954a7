"""`manage.py release`: how a target's champion moved, and going back to an earlier one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from django.utils import timezone

from improvement.commandline import caller, carrying_out, target_report
from improvement.commandline.answer import Answer
from improvement.commandline.command import Actions, CountersignCommand
from improvement.selectors import targets as read
from improvement.services import champions


class Command(CountersignCommand):
    """Releases: list, rollback."""

    help = "Lists the champions of a target, and rolls back to an earlier one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions."""
        actions = Actions(parser)
        listing = actions.add("list", _list, "list the champions of a target, newest first")
        listing.add_argument("target", metavar="TARGET", help="the target's name")
        going_back = actions.add("rollback", _roll_back, "make an earlier champion's files the champion again")
        going_back.add_argument("target", metavar="TARGET", help="the target's name")
        going_back.add_argument("--to", required=True, metavar="COMMIT", help="the champion to go back to")
        going_back.add_argument("--reason", required=True, metavar="TEXT", help="why; it goes into the audit trail")
        caller.add_as(going_back, required=True)
        caller.add_password(going_back)


def _list(options: Namespace) -> Answer:
    return _report(options.target)


def _roll_back(options: Namespace) -> Answer:
    actor = caller.confirmed_actor(options)
    release = champions.order_rollback(
        options.target, to=options.to, actor=actor, reason=options.reason, now=timezone.now()
    )
    carrying_out.finish(release.pk)
    return _report(options.target)


def _report(name: str) -> Answer:
    target = read.get(name, caller.reader())
    return Answer(target_report.history_value(target), target_report.history_lines(target))
