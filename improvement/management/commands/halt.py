"""`manage.py halt`: stop everything."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from django.utils import timezone

from improvement.commandline import caller
from improvement.commandline.answer import Answer
from improvement.commandline.command import CountersignCommand, sole_action
from improvement.commandline.text import moment
from improvement.services import halt


class Command(CountersignCommand):
    """Stop every evaluation and every release until somebody lifts the stop."""

    help = "Stops everything: running sandboxes die, nothing is evaluated or released until `resume`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        sole_action(parser, _halt)
        caller.add_as(parser, required=True)
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it goes into the audit trail")


def _halt(options: Namespace) -> Answer:
    order = halt.halt(actor=caller.actor(options), reason=options.reason, now=timezone.now())
    value = {"halted": True, "by": order.ordered_by, "reason": order.reason, "at": moment(order.ordered_at)}
    line = f"Everything is stopped since {value['at']} by {order.ordered_by}: {order.reason}"
    return Answer(value, [line, "Lift it with: manage.py resume --as USER --reason TEXT"])
