"""Keeping uploaded files until a worker has read them; nothing is unpacked or read in the web process."""

from __future__ import annotations

import re
import secrets
from pathlib import Path, PurePath

from django.core.files import File

from improvement import installation
from improvement.engine.csv_tables import check_size
from improvement.exceptions import Invalid
from webapp.data_forms import ENDINGS as TABLES

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
LARGEST = 20_000_000


def keep_archive(upload: File[bytes]) -> str:
    """Store an archive under a name of our own that ends as its own did, and return its path.

    Raises ``Invalid`` for what cannot be an archive.
    """
    name = _name(upload)
    ending = next((one for one in ARCHIVES if name.lower().endswith(one)), None)
    if ending is None:
        raise Invalid(
            f"{name or 'The upload'} is no archive that can be read: upload a .zip, .tar or .tar.gz of the folder."
        )
    if upload.size > LARGEST:
        raise Invalid(
            f"The archive is larger than {LARGEST // 1_000_000} MB. Leave out what the evaluator does not need."
        )
    said = re.sub(r"[^a-z0-9]+", "-", name.lower().removesuffix(ending)).strip("-")[:60] or "target"
    return _write(upload, _folder() / f"{secrets.token_hex(16)}-{said}{ending}")


def keep_table(upload: File[bytes]) -> str:
    """Store a table in a folder of its own, under nearly its own name, and return its path.

    Raises ``Invalid`` for what cannot be a table, ``TargetError`` for one that is too large.
    """
    name = PurePath(_name(upload))
    ending = name.suffix.lower()
    if ending not in TABLES:
        raise Invalid(f"{name} is no table that can be read: upload a .csv or .parquet file.")
    check_size(upload.size, where=str(name))
    said = re.sub(r"[^\w-]+", "-", name.stem, flags=re.ASCII).strip("-")[:60] or "table"
    folder = _folder() / secrets.token_hex(16)
    folder.mkdir(mode=0o700)
    return _write(upload, folder / f"{said}{ending}")


def _name(upload: File[bytes]) -> str:
    return PurePath(upload.name or "").name


def _folder() -> Path:
    folder = installation.uploads()
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _write(upload: File[bytes], path: Path) -> str:
    with path.open("xb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    return str(path)
