"""`manage.py help`: what Countersign's own commands do, and the names of Django's after them."""

from __future__ import annotations

import textwrap

from django.core.management import ManagementUtility, get_commands, load_command_class

from improvement.commandline.text import columns

OURS = frozenset({"improvement", "webapp"})
_BEFORE_DJANGO = (
    ("test", "Installs what the tests need and runs them all."),
    ("checks", "Checks style, types, walls between modules, migrations and generated documents."),
)
_WIDTH = 100


class Overview(ManagementUtility):
    """Django's runner of commands, with our commands first in its help."""

    def main_help_text(self, commands_only: bool = False) -> str:
        """Return the text of ``manage.py help``; with ``commands_only`` the bare names, for shells that complete."""
        return super().main_help_text(commands_only=True) if commands_only else _text()


def our_commands() -> list[str]:
    """Return the names of the commands that are Countersign's own."""
    return sorted(name for name, app in get_commands().items() if app in OURS)


def _text() -> str:
    rows = [(name, _first_sentence(name)) for name in our_commands()]
    named = dict([*rows, *_BEFORE_DJANGO])
    others = ", ".join(sorted(get_commands().keys() - named.keys()))
    return "\n".join(
        [
            "Usage: python3 manage.py COMMAND ...; `manage.py COMMAND --help` explains one.",
            "",
            "Countersign",
            *(f"  {line}" for line in columns(("", ""), sorted(named.items()))[1:]),
            "",
            "Django, for developers",
            *textwrap.wrap(others, _WIDTH, initial_indent="  ", subsequent_indent="  "),
        ]
    )


def _first_sentence(name: str) -> str:
    told = load_command_class(get_commands()[name], name).help
    return f"{told.partition('. ')[0].rstrip('.')}."
