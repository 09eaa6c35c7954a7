"""`manage.py backup`: everything of this installation in one file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from django.utils import timezone

from improvement.commandline import caller
from improvement.commandline.answer import Answer
from improvement.commandline.command import CountersignCommand, sole_action
from improvement.engine.wording import counted
from improvement.runner import backups


class Command(CountersignCommand):
    """Write a backup; nobody has to stop working for it."""

    help = "Writes database, repositories and keys into one file. Keep it secret: it holds the keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        sole_action(parser, _backup)
        parser.add_argument("out", metavar="OUT", type=Path, help="a new file, such as countersign.tar.gz")
        caller.add_as(parser)


def _backup(options: Namespace) -> Answer:
    made = backups.make(options.out, actor=caller.actor(options), now=timezone.now())
    value = {
        "path": str(made.path),
        "made_at": made.made_at,
        "size": made.size,
        "files": made.files,
        "targets": made.champions,
    }
    lines = [
        f"{made.path} holds {counted(made.files, 'file')} and {counted(len(made.champions), 'target')}, "
        f"{made.size / 1e6:.1f} MB.",
        "It holds the keys too: keep it where only those who may run this installation can read it.",
    ]
    return Answer(value, lines)
