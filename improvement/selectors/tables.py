"""Reading the tables that people uploaded."""

from __future__ import annotations

from datetime import datetime, timedelta

from improvement.engine.table_summary import ColumnSummary
from improvement.exceptions import NotFound
from improvement.models import TargetImport, UploadedTable
from improvement.permissions import Person


def get(table_id: int, person: Person) -> UploadedTable:
    """Return a table that this person uploaded, or raise ``NotFound``."""
    table = UploadedTable.objects.filter(pk=table_id, asked_by_id=person.id).first()
    if table is None:
        raise NotFound("There is no such table: a target was made of it, or it is older than a week.")
    return table


def last_asked(table: UploadedTable) -> TargetImport | None:
    """Return what was last asked for of a table."""
    return table.imports.order_by("-pk").first()


def columns(table: UploadedTable) -> tuple[ColumnSummary, ...]:
    """Return what is known of a table's columns, in their order; none before it is read."""
    return tuple(ColumnSummary(**{**told, "examples": tuple(told["examples"])}) for told in table.columns)


def waiting(now: datetime) -> list[int]:
    """Return the tables that no worker has read within a minute of being uploaded."""
    due = UploadedTable.objects.filter(state=UploadedTable.State.WAITING, asked_at__lt=now - timedelta(minutes=1))
    return list(due.values_list("pk", flat=True))


def uploaded_before(moment: datetime) -> list[UploadedTable]:
    """Return the tables that were uploaded before a moment and that no import waits for."""
    old = UploadedTable.objects.filter(asked_at__lt=moment)
    return list(old.exclude(imports__state=TargetImport.State.QUEUED))
