"""The record of programs that edited working copies: each once it has ended, before the strategy hears of it."""

from __future__ import annotations

from datetime import datetime

from improvement.engine.digests import canonical
from improvement.engine.errands import Command, Done
from improvement.exceptions import Conflict
from improvement.models import ProgramRun, Run
from improvement.services import audit, blobs
from improvement.services.actors import SYSTEM
from improvement.services.blobs import Packed


def record(
    run_id: int, command: Command, done: Done, *, transcript: bytes, journal_index: int, place: int, now: datetime
) -> None:
    """Record what came of a command, with its transcript, and tell the trail. Raises ``Conflict`` the second time."""
    kept = (blobs.pack(canonical(done.as_json())), blobs.pack(transcript))
    _record(run_id, command, done, kept, journal_index=journal_index, place=place, now=now)


@audit.turn()
def _record(
    run_id: int,
    command: Command,
    done: Done,
    kept: tuple[Packed, Packed],
    *,
    journal_index: int,
    place: int,
    now: datetime,
) -> None:
    """Record what came of a command; ``kept`` is that and its transcript, as they are stored."""
    run = Run.objects.select_for_update(of=("self",)).select_related("target").get(pk=run_id)
    if ProgramRun.objects.filter(run=run, journal_index=journal_index, place=place).exists():
        raise Conflict(f"What came of this program of R-{run_id} is on record already.")
    ran = ProgramRun.objects.create(
        run=run,
        journal_index=journal_index,
        place=place,
        command=command.digest,
        done=blobs.store(kept[0]),
        transcript=blobs.store(kept[1]),
        ended_at=now,
    )
    data = {
        "program": command.argv[0][:200],
        "command_sha256": ran.command,
        "transcript_sha256": ran.transcript_id,
        "outcome": f"{done.how} {done.status} after {done.seconds:g} s",
    }
    audit.append(
        "program.ended",
        actor=SYSTEM,
        subject={"kind": "run", "id": f"R-{run.pk}"},
        data=data,
        run=run,
        target=run.target.name,
        now=now,
    )
