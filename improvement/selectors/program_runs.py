"""Reading what programs did that edited working copies."""

from __future__ import annotations

import json

from improvement.engine.errands import Command, Done
from improvement.exceptions import StrategyError
from improvement.models import Candidate, ProgramRun
from improvement.selectors import blobs


def recorded(run_id: int, command: Command, *, journal_index: int, place: int) -> Done | None:
    """Return what came of a command before its round was cut short; StrategyError when another one is on record."""
    row = ProgramRun.objects.filter(run_id=run_id, journal_index=journal_index, place=place).first()
    if row is None:
        return None
    if row.command != command.digest:
        raise StrategyError("The strategy is not deterministic: asked again after a restart, it runs something else.")
    return Done.from_json(json.loads(blobs.load(row.done_id)))


def transcript(candidate: Candidate) -> str:
    """Return the transcript of the program that made a candidate, empty when none did."""
    return "" if candidate.transcript_id is None else blobs.load(candidate.transcript_id).decode()
