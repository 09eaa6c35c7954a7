"""`manage.py restore`: an installation as it was when a backup was made."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from django.db import connection
from django.utils import timezone

from improvement.commandline import caller, server, tables
from improvement.commandline.answer import Answer
from improvement.commandline.command import CountersignCommand, sole_action
from improvement.engine.wording import counted
from improvement.runner import backups


class Command(CountersignCommand):
    """Restore a backup, whole or not at all; no server may run meanwhile."""

    help = "Restores a backup into the data directory, whole or not at all. Stop the server first."
    needs_tables = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        sole_action(parser, _restore)
        parser.add_argument("archive", metavar="IN", type=Path, help="a file that `backup` wrote")
        parser.add_argument("--replace", action="store_true", help="replace what is there; it is kept beside it")
        caller.add_as(parser)


def _restore(options: Namespace) -> Answer:
    with server.none_running(), backups.restored(options.archive, replace=options.replace) as backup:
        try:
            tables.bring_up_to_date()
            backups.record_restored(backup, actor=caller.actor(options), now=timezone.now())
        finally:
            connection.close()
    kept = str(backup.previous) if options.replace else None
    value = {"restored": str(backup.path), "made_at": backup.made_at, "targets": backup.champions, "kept": kept}
    lines = [
        f"Restored as of {backup.made_at}, with {counted(len(backup.champions), 'target')}. Start it with: manage.py up"
    ]
    return Answer(value, [*lines, *([f"What was there before is in {kept}"] if kept else [])])
