"""What the database itself holds beside the log: what arrived, was answered and was done is changed by nobody."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from improvement.models import (
    Blob,
    ModelCall,
    ProgramRun,
    RollbackProposal,
    Run,
    Serving,
    ServingStep,
    StreamArchive,
    StreamRecord,
)
from improvement.services import blobs
from tests import factories as make
from tests import streaming

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_directory", "nothing_enqueued")]


@pytest.fixture
def _kept() -> None:
    """Give a row of each kind."""
    streaming.feed(streaming.target(), streaming.observations(3))
    now, run, blob = timezone.now(), make.run(), blobs.store(blobs.pack(b"said"))
    serving = Serving.objects.get()
    ServingStep.objects.create(serving=serving, last=2, outcomes=[], drifts=[], labels=2, moved=0.1, at=now)
    archive = {"first": 1, "last": 1, "blob": "0" * 64, "digest": "0" * 64, "at": now}
    StreamArchive.objects.create(stream=serving.stream, **archive)
    ProgramRun.objects.create(run=run, journal_index=1, place=0, command="c", done=blob, transcript=blob, ended_at=now)
    question = {"run": run, "journal_index": 1, "model": "m", "request": blob, "asked_at": now}
    ModelCall.objects.create(model_id="asked", **question)
    ModelCall.objects.create(model_id="answered", answer=blob, outcome="stop", answered_at=now, **question)


@pytest.mark.usefixtures("_kept")
@pytest.mark.parametrize("kind", [Blob, ProgramRun, ServingStep, StreamArchive, StreamRecord])
def test_what_was_recorded_is_never_changed(kind: type[Blob]) -> None:
    column = {Blob: "content", ProgramRun: "place", ServingStep: "labels", StreamArchive: "last", StreamRecord: "label"}
    value = {"content": b"", "label": "low"}.get(column[kind], 7)
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        kind.objects.update(**{column[kind]: value})


@pytest.mark.usefixtures("_kept")
@pytest.mark.parametrize("kind", [ModelCall, ProgramRun, ServingStep, StreamArchive])
def test_what_was_recorded_is_never_deleted(kind: type[ModelCall]) -> None:
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        kind.objects.all().delete()


@pytest.mark.usefixtures("_kept")
def test_a_blob_is_not_deleted_though_nothing_names_it() -> None:
    lonely = blobs.store(blobs.pack(b"lonely"))
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        lonely.delete()


@pytest.mark.usefixtures("_kept")
def test_an_answered_question_is_not_changed_and_an_open_one_is_answered() -> None:
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        ModelCall.objects.filter(model_id="answered").update(tokens_in=0)
    blob = Blob.objects.get()
    now = timezone.now()
    assert ModelCall.objects.filter(model_id="asked").update(answer=blob, outcome="stop", answered_at=now) == 1


@pytest.mark.usefixtures("_kept")
def test_a_record_leaves_the_database_for_the_archive_alone() -> None:
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        StreamRecord.objects.filter(number=2).delete()
    assert StreamRecord.objects.filter(number=1).delete()[0] == 1


@pytest.mark.usefixtures("_kept")
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (Serving, {"role": "ended"}),
        (Serving, {"role": "king"}),
        (Serving, {"ended_at": timezone.now()}),
        (Serving, {"position": 9, "refused_last": 8}),
        *(
            (Run, {limit: 0})
            for limit in ("budget", "seconds_limit", "cpu_seconds_limit", "token_limit", "microusd_limit")
        ),
    ],
)
def test_what_cannot_be_is_refused(kind: type[Serving], change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        kind.objects.update(**change)


@pytest.mark.usefixtures("_kept")
def test_a_proposal_is_in_a_state_that_there_is() -> None:
    serving, now = Serving.objects.get(), timezone.now()
    about = {"target": serving.stream.target, "release": serving.release, "evidence": {}, "opened_at": now}
    with pytest.raises(IntegrityError), transaction.atomic():
        RollbackProposal.objects.create(state="forgotten", closed_at=now, **about)
