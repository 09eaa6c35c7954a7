"""A backup: database, repositories and keys of one moment in one file, and back again, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from django.db import transaction
from django.db.migrations.loader import MigrationLoader

from improvement import installation
from improvement.exceptions import Conflict, Invalid, TargetError
from improvement.runner import database_copies
from improvement.selectors import system
from improvement.services import audit
from improvement.services.actors import Actor
from improvement.targets.repository import Repository

FORMAT = "countersign-backup"
VERSION = 1
MANIFEST = "manifest.json"
PARTS = ("repos", "keys", "blobs")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made or restored: the file, when it was made, its size in bytes, and each target's champion."""

    path: Path
    made_at: str
    size: int
    files: int
    champions: dict[str, str]
    previous: Path | None = None


def make(out: Path, *, actor: Actor, now: datetime) -> Backup:
    """Write a backup to a new file that only its owner can read, since it holds the keys.

    Others may go on working: the database is copied as of one moment, and the repositories are put to the champions
    that this copy names. Raises ``Invalid`` when ``out`` exists or cannot be written; then nothing is left behind.
    """
    _check_free(out)
    _record("backup.made", actor=actor, data={}, now=now)
    with tempfile.TemporaryDirectory(prefix="countersign-backup-") as scratch:
        folder = Path(scratch)
        copy = database_copies.copy_into(folder)
        _copy_files(folder, copy.champions)
        manifest = _manifest(folder, copy, now)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        _pack(folder, out)
    return Backup(out, manifest["made_at"], out.stat().st_size, len(manifest["files"]), copy.champions)


@contextmanager
def restored(archive: Path, *, replace: bool) -> Iterator[Backup]:
    """Put a backup in the place of the data directory, and take that back when the block inside fails.

    Everything is checked before anything is touched. What was there before is kept beside it when ``replace`` says
    that it may be replaced; without that a directory that is in use is refused. Raises ``Invalid`` or ``Conflict``.
    """
    data = installation.data_directory()
    if not replace:
        _check_unused(data)
    with _scratch_beside(data) as scratch:
        manifest = _unpacked(archive, scratch / "data")
        _check_fits(manifest)
        database_copies.check(scratch / "data")
        previous = data.with_name(f"{data.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        with _swapped(scratch / "data", data, previous):
            database_copies.load_from(data)
            made = manifest["made_at"]
            yield Backup(archive, made, archive.stat().st_size, len(manifest["files"]), manifest["champions"], previous)
    if not replace:
        shutil.rmtree(previous, ignore_errors=True)


def record_restored(backup: Backup, *, actor: Actor, now: datetime) -> None:
    """Write into the restored trail that it was restored, and raise the stop again if one stood."""
    _record("restore.done", actor=actor, data={"made_at": backup.made_at}, now=now)
    if system.halted():
        installation.raise_flag(installation.halt_file())


@transaction.atomic
def _record(kind: str, *, actor: Actor, data: dict[str, str], now: datetime) -> None:
    subject = {"kind": "installation", "id": installation.installation_id()}
    audit.append(kind, actor=actor, subject=subject, data=data, now=now)


def _check_free(out: Path) -> None:
    if out.exists():
        raise Invalid(f"{out} exists already: name a new file for the backup.")
    if not out.absolute().parent.is_dir():
        raise Invalid(f"There is no directory {out.absolute().parent} to write the backup into.")


def _copy_files(folder: Path, champions: dict[str, str]) -> None:
    data = installation.data_directory()
    for part in PARTS:
        if (data / part).is_dir() and part != "repos":
            shutil.copytree(data / part, folder / part)
    for name, champion in champions.items():
        copied = folder / "repos" / f"{name}.git"
        try:
            shutil.copytree(installation.repository_path(name), copied, ignore=shutil.ignore_patterns("*.lock"))
        except OSError as error:
            raise TargetError(f"The repository of {name} cannot be read, so no backup was made: {error}.") from error
        _put_at(Repository.open(copied), champion)


def _put_at(repo: Repository, champion: str) -> None:
    """A release that went on while the files were copied is finished again after a restore."""
    head = repo.head()
    if head != champion:
        repo.advance(champion, expected=head)


def _manifest(folder: Path, copy: database_copies.Copy, now: datetime) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "installation": installation.installation_id(),
        "versions": {"python": platform.python_version(), "django": django.get_version()},
        "database": copy.kind,
        "migrations": copy.migrations,
        "champions": copy.champions,
        "files": {
            path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": _digest(path)}
            for path in files
        },
    }


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pack(folder: Path, out: Path) -> None:
    """Pack a folder into a file beside ``out`` and give it that name when it is whole."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.absolute().parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=6) as tar:
                    tar.add(folder / MANIFEST, MANIFEST)
                    for path in sorted(folder.iterdir()):
                        if path.name != MANIFEST:
                            tar.add(path, path.name)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).rename(out)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"The backup cannot be written to {out}: {error.strerror}.") from error


def _check_unused(data: Path) -> None:
    used = [name for name in ("repos", "keys/log.key", "keys/kernel.key") if (data / name).exists()]
    if used or not database_copies.is_empty():
        raise Conflict(
            f"{data} is in use already. Restore into a new data directory (COUNTERSIGN_DATA), "
            "or add --replace: what is there now is then kept beside it."
        )


@contextmanager
def _scratch_beside(data: Path) -> Iterator[Path]:
    """Give an empty folder on the same file system as the data directory, so that renaming is enough."""
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{data.name}-restore-", dir=data.parent))
    except OSError as error:
        raise Invalid(f"Nothing can be unpacked beside {data}: {error.strerror} in {data.parent}.") from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unpacked(archive: Path, folder: Path) -> dict[str, Any]:
    """Unpack a backup into a new folder and check every file of it against the manifest."""
    folder.mkdir(mode=0o700)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            manifest = _read_manifest(tar, archive)
            for member in tar:
                if not member.isdir():
                    _check_listed(member, manifest)
                tar.extract(member, folder, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise Invalid(f"{archive} cannot be read as a backup: {error}.") from error
    for name, listed in manifest["files"].items():
        if not (folder / name).is_file() or _digest(folder / name) != listed["sha256"]:
            raise Invalid(f"{archive} is damaged: {name} is missing or is not what was backed up.")
    for private in ("keys", "run"):
        (folder / private).mkdir(mode=0o700, exist_ok=True)
        (folder / private).chmod(0o700)
    return manifest


def _read_manifest(tar: tarfile.TarFile, archive: Path) -> dict[str, Any]:
    first = tar.next()
    stream = tar.extractfile(first) if first is not None and first.name == MANIFEST else None
    try:
        manifest = json.loads(stream.read(64 * _CHUNK)) if stream is not None else None
    except ValueError as error:
        raise Invalid(f"The manifest of {archive} cannot be read: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Invalid(f"{archive} is no backup of Countersign: name a file that `manage.py backup` wrote.")
    if manifest.get("version") != VERSION:
        raise Invalid(f"{archive} is a backup of format {manifest.get('version')}, and this one reads {VERSION}.")
    return manifest


def _check_listed(member: tarfile.TarInfo, manifest: dict[str, Any]) -> None:
    listed = manifest["files"].get(member.name)
    if not member.isfile() or (member.name != MANIFEST and (listed is None or listed["size"] != member.size)):
        raise Invalid(f"The backup is damaged: it holds {member.name}, which its manifest does not describe so.")


def _check_fits(manifest: dict[str, Any]) -> None:
    if manifest["database"] != database_copies.kind():
        raise Conflict(
            f"The backup holds a {manifest['database']} database, and this installation uses {database_copies.kind()}: "
            "set DATABASE_URL to one of the same kind."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or ()}
    newer = sorted(set(manifest["migrations"]) - known)
    if newer:
        raise Conflict(f"The backup was made by a newer Countersign (it has {newer[-1]}): install that one first.")


@contextmanager
def _swapped(new: Path, data: Path, previous: Path) -> Iterator[None]:
    """Put ``new`` in the place of ``data``, which goes to ``previous``, and back when the block fails."""
    try:
        data.rename(previous)
        new.rename(data)
    except OSError as error:
        with suppress(OSError):
            previous.rename(data)
        raise Invalid(
            f"{data} cannot be replaced as a whole: {error.strerror}. Restore into another COUNTERSIGN_DATA."
        ) from error
    try:
        yield
    except BaseException:
        data.rename(new)
        previous.rename(data)
        raise
