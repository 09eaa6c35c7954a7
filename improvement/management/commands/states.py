"""`manage.py states`: write `docs/states.md` from the transition tables, or check that it is up to date."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from django.conf import settings

from improvement.commandline import states_page
from improvement.commandline.answer import Answer
from improvement.commandline.command import CountersignCommand, sole_action


class Command(CountersignCommand):
    """Write the page of states."""

    help = "Writes docs/states.md from improvement/states.py. With --check it only says whether the page is stale."
    needs_tables = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        sole_action(parser, _states)
        parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the page is stale")


def _states(options: Namespace) -> Answer:
    path = Path(settings.BASE_DIR) / "docs" / "states.md"
    wanted = states_page.text()
    fresh = path.exists() and path.read_text(encoding="utf-8") == wanted
    if options.check:
        said = "docs/states.md is up to date." if fresh else "docs/states.md is stale: run `python3 manage.py states`."
        return Answer({"path": "docs/states.md", "fresh": fresh}, [said], ok=fresh)
    path.write_text(wanted, encoding="utf-8")
    return Answer({"path": "docs/states.md", "fresh": True}, ["docs/states.md is written."])
