"""Tables in files: their bytes as CSV, and what a table that somebody uploaded holds."""

from __future__ import annotations

import logging
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from improvement import installation
from improvement.engine import extras
from improvement.engine.csv_tables import check_size, read_csv
from improvement.engine.table_summary import summary
from improvement.exceptions import CountersignError, TargetError
from improvement.models import UploadedTable
from improvement.sandbox import levels, parquet
from improvement.selectors import tables as read
from improvement.services import tables

logger = logging.getLogger(__name__)

PARQUET = (".parquet", ".pq")
KEPT = timedelta(days=7)


def as_csv(file: Path) -> bytes:
    """Return a table as CSV; one in Parquet is read by pyarrow, in the sandbox. Raises TargetError."""
    data = _content(file)
    if file.suffix.lower() not in PARQUET:
        return data
    extras.check_modules(["pyarrow"], needed_by=file.name)
    levels.require(settings.SANDBOX_MIN_LEVEL)
    return parquet.as_csv(data, where=file.name)


def read_uploaded(table_id: int) -> None:
    """Read which columns an uploaded table has, once, and record them or why it cannot be read."""
    with installation.alone(f"table-{table_id}"):
        table = UploadedTable.objects.filter(pk=table_id, state=UploadedTable.State.WAITING).first()
        if table is not None:
            _read(table)


def remove(table: UploadedTable) -> None:
    """Forget an uploaded table, and remove its file with the folder that was made for it."""
    folder, uploads = Path(table.source).resolve().parent, installation.uploads().resolve()
    tables.forget(table.pk)
    if folder.parent == uploads:
        shutil.rmtree(folder, ignore_errors=True)


def remove_old(now: datetime) -> None:
    """Remove the tables that were uploaded more than a week ago."""
    for table in read.uploaded_before(now - KEPT):
        remove(table)


def _read(table: UploadedTable) -> None:
    try:
        file = Path(table.source)
        found = read_csv(as_csv(file), where=file.name)
        tables.record_columns(table.pk, rows=len(found.rows), columns=summary(found, where=file.name))
    except CountersignError as error:
        tables.record_refusal(table.pk, message=error.message)
    except Exception:  # whatever broke, the person who waits on the page is told
        logger.exception("table %s could not be read", table.pk)
        tables.record_refusal(table.pk, message="Reading this file broke on the server; its log says why.")


def _content(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise TargetError(f"{file}: there is no such file. Check the path.")
        check_size(file.stat().st_size, where=file.name)
        return file.read_bytes()
    except OSError as error:
        raise TargetError(f"{file} cannot be read: {error.strerror}.") from error
