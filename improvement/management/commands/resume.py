"""`manage.py resume`: lift the stop over everything."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from django.utils import timezone

from improvement.commandline import caller
from improvement.commandline.answer import Answer
from improvement.commandline.command import CountersignCommand, sole_action
from improvement.commandline.text import moment_or_none
from improvement.services import halt


class Command(CountersignCommand):
    """Lift the stop; under the policy ``team`` the first person asks and a second one completes it."""

    help = "Lifts the stop over everything. Under the policy `team` a second person has to agree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        sole_action(parser, _resume)
        caller.add_as(parser, required=True)
        caller.add_password(parser)
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it goes into the audit trail")


def _resume(options: Namespace) -> Answer:
    order = halt.resume(actor=caller.confirmed_actor(options), reason=options.reason, now=timezone.now())
    value = {
        "halted": order.lifted_at is None,
        "asked_by": order.resume_asked_by or None,
        "lifted_by": order.lifted_by or None,
        "lifted_at": moment_or_none(order.lifted_at),
    }
    if order.lifted_at is None:
        return Answer(value, [f"{order.resume_asked_by} asked to resume; a second person must agree in the same way."])
    return Answer(value, [f"{order.lifted_by} lifted the stop; everything goes on."])
