"""The audit log's triggers, taken away and put back as only the owner of the database can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.db import connection

_migration = import_module("improvement.migrations.0002_append_only_audit")


def drop() -> None:
    """Take the triggers away: rows of the log can then be changed."""
    if connection.vendor == "postgresql":  # no trigger goes while checks of its table's rows wait for the commit
        _execute(("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED"))
    _execute(_migration.POSTGRESQL_DROP if connection.vendor == "postgresql" else _migration.SQLITE_DROP)


def install() -> None:
    """Put the triggers in place, whether or not they were there."""
    drop()
    _execute(_migration.POSTGRESQL if connection.vendor == "postgresql" else _migration.SQLITE)


@contextmanager
def away() -> Iterator[None]:
    """Do something to the log's rows that the triggers would refuse."""
    drop()
    yield
    install()


def _execute(statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
