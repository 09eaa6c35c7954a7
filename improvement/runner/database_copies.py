"""Consistent copies of the database: SQLite's own backup, or PostgreSQL's dump of one snapshot."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from improvement.exceptions import Conflict, Invalid

SQLITE_FILE = "db.sqlite3"
POSTGRESQL_FILE = "db.dump"
_CHAMPIONS = "SELECT name, champion_commit FROM improvement_target ORDER BY name"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was made: which kind of database, and what it says of each target's champion and of its tables."""

    kind: str
    champions: dict[str, str]
    migrations: list[str]


def kind() -> str:
    """Return which kind of database this installation uses: sqlite or postgresql."""
    return connection.vendor


def copy_into(folder: Path) -> Copy:
    """Copy the database into a file below a folder, as it is at one moment, while others go on writing."""
    migrations = sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())
    copy = _copy_sqlite if kind() == "sqlite" else _dump_postgresql
    return Copy(kind(), copy(folder), migrations)


def is_empty() -> bool:
    """Tell whether the database that the settings name has no table of ours."""
    if kind() == "sqlite":
        return not Path(connection.settings_dict["NAME"]).exists()
    try:
        return "improvement_target" not in connection.introspection.table_names()
    finally:
        connection.close()


def check(folder: Path) -> None:
    """Check that an unpacked copy can be read; raises ``Invalid``."""
    path = folder / SQLITE_FILE
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as copy:
            answer = copy.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise Invalid(f"The database in the backup cannot be read: {error}.") from error
    if answer != "ok":
        raise Invalid(f"The database in the backup is damaged: {answer}.")


def load_from(folder: Path) -> None:
    """Put an unpacked PostgreSQL dump in the place of the present tables, all or nothing; SQLite needs nothing more."""
    connection.close()
    dump = folder / POSTGRESQL_FILE
    if dump.exists():
        options = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
        _run("pg_restore", *options, "--dbname", connection.settings_dict["NAME"], str(dump))


def _copy_sqlite(folder: Path) -> dict[str, str]:
    connection.ensure_connection()
    with closing(sqlite3.connect(folder / SQLITE_FILE)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        return dict(copy.execute(_CHAMPIONS))


def _dump_postgresql(folder: Path) -> dict[str, str]:
    """Dump what one transaction sees, so that the champions read here are those in the dump."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_export_snapshot()")
        row = cursor.fetchone()
        if row is None:
            raise DatabaseError("PostgreSQL gave no snapshot")
        cursor.execute(_CHAMPIONS)
        champions = dict(cursor.fetchall())
        options = ("--format=custom", "--no-owner", f"--snapshot={row[0]}", f"--file={folder / POSTGRESQL_FILE}")
        _run("pg_dump", *options, "--dbname", connection.settings_dict["NAME"])
    return champions


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise Conflict(f"{program} is not installed here: install PostgreSQL's client programs (postgresql-client).")
    done = subprocess.run(
        [found, "--no-password", *arguments], env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = " ".join(done.stderr.strip().splitlines()[:2])
        raise Conflict(f"{program} refused: {reason}.")


def _environment() -> dict[str, str]:
    known = connection.settings_dict
    named = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    return {**os.environ, **{name: str(known[key]) for name, key in named.items() if known.get(key)}}
