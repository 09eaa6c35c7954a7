"""What must be there before the first process starts: tables, static files, somebody who can sign in."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django import __version__ as django_version
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from improvement import installation
from improvement.exceptions import CannotStart, Invalid
from webapp.apps import CollectedFilesConfig


def migrate() -> str:
    """Bring the database's tables up to date and say what was done; CannotStart when it cannot be reached."""
    try:
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if waiting:
            call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[:1]
        raise CannotStart(f"The database cannot be used: {' '.join(reason)}. See DATABASE_URL in .env.") from error
    finally:
        connection.close()
    return f"{connection.vendor}, {waiting} migrations applied" if waiting else f"{connection.vendor}, up to date"


def check_models() -> None:
    """Raise ``CannotStart`` when the environment's file of language models is wrong: better now than at a question."""
    try:
        installation.stated_models()
    except Invalid as problem:
        raise CannotStart(problem.message) from problem


def collect_static_files(root: Path) -> str:
    """Collect static files into ``root`` when they have changed since the last time, and say what was done."""
    digest, count = _digest_of_sources()
    stamp = root / ".digest"
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return f"{count} files, unchanged"
    call_command("collectstatic", verbosity=0, interactive=False, clear=root.exists())
    stamp.write_text(digest, encoding="ascii")
    return f"{count} files collected"


def _digest_of_sources() -> tuple[str, int]:
    """Return a digest of the names, sizes and times of all static files, and their number."""
    lines = [f"Django {django_version}"]
    for finder in get_finders():
        for name, storage in finder.list(ignore_patterns=CollectedFilesConfig.ignore_patterns):
            status = Path(storage.path(name)).stat()
            lines.append(f"{name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest(), len(lines) - 1
