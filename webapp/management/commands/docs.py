"""`manage.py docs`: writes the documents that are generated from code, or says which are old."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from improvement.commandline.command import ExactCommand
from webapp.environment import example_file

GENERATED: dict[str, Callable[[], str]] = {
    ".env.example": lambda: example_file(settings.ENVIRONMENT.settings),
}


class Command(ExactCommand):
    """Write or check the generated documents."""

    help = "Writes the documents that are generated from code; with --check only says which are old."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the option."""
        parser.add_argument("--check", action="store_true", help="write nothing; fail when a document is old")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare each document with what the code says now."""
        old = [name for name, render in GENERATED.items() if _text(settings.BASE_DIR / name) != render()]
        if options["check"]:
            if old:
                raise CommandError(f"{', '.join(old)} is older than the code; write it with: manage.py docs")
            return
        for name in old:
            (settings.BASE_DIR / name).write_text(GENERATED[name](), encoding="utf-8")
            self.stdout.write(f"{name} written")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
