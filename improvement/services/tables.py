"""Tables that people upload: having one read, what came of it, and asking for a target that predicts a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from improvement import dispatch
from improvement.engine.data_targets import Asked
from improvement.engine.formats import COUNTERSIGN
from improvement.engine.table_summary import ColumnSummary
from improvement.exceptions import Conflict, NotFound
from improvement.models import TargetImport, UploadedTable
from improvement.services.actors import Actor
from improvement.services.targets import importer


@transaction.atomic
def hand_over(*, file_name: str, source: str, actor: Actor, now: datetime) -> UploadedTable:
    """Ask a worker to read which columns the table in the file ``source`` has."""
    table = UploadedTable.objects.create(
        file_name=file_name,
        source=source,
        state=UploadedTable.State.WAITING,
        asked_by_id=importer(actor).id,
        asked_at=now,
    )
    dispatch.enqueue_on_commit("read_table", table_id=table.pk)
    return table


@transaction.atomic
def record_columns(table_id: int, *, rows: int, columns: Sequence[ColumnSummary]) -> None:
    """Record what a table holds."""
    told = [asdict(column) for column in columns]
    UploadedTable.objects.filter(pk=table_id).update(state=UploadedTable.State.READ, rows=rows, columns=told)


@transaction.atomic
def record_refusal(table_id: int, *, message: str) -> None:
    """Record why a table cannot be read."""
    UploadedTable.objects.filter(pk=table_id).update(state=UploadedTable.State.REFUSED, message=message)


@transaction.atomic
def request_target(table_id: int, asked: Asked, *, name: str, actor: Actor, now: datetime) -> TargetImport:
    """Ask a worker to make a target of a table that this person uploaded; asked twice, it is made once.

    Raises ``NotFound`` for somebody else's table and one that is gone, ``Conflict`` for one that was not read.
    """
    person = importer(actor)
    table = UploadedTable.objects.select_for_update().filter(pk=table_id, asked_by_id=person.id).first()
    if table is None:
        raise NotFound("There is no such table. Upload the file again.")
    if table.state != UploadedTable.State.READ:
        raise Conflict(f"{table.file_name} is not read yet. Wait until its columns show.")
    waiting = table.imports.filter(state=TargetImport.State.QUEUED).first()
    return waiting or _requested(table, asked, name=name.strip(), person_id=person.id, now=now)


def _requested(table: UploadedTable, asked: Asked, *, name: str, person_id: int, now: datetime) -> TargetImport:
    made = TargetImport.objects.create(
        name=name,
        format=COUNTERSIGN,
        source=table.source,
        table=table,
        choices=asdict(asked),
        state=TargetImport.State.QUEUED,
        asked_by_id=person_id,
        asked_at=now,
    )
    dispatch.enqueue_on_commit("import_target", import_id=made.pk)
    return made


@transaction.atomic
def forget(table_id: int) -> None:
    """Forget a table; its file is removed by the caller."""
    UploadedTable.objects.filter(pk=table_id).delete()
