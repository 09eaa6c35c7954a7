"""Programs in a run without a server: run by this process, without network or models, and kept in its record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from improvement.agents import outings
from improvement.agents.workshop import Workshop
from improvement.engine.errands import Command, Done, Outing
from improvement.engine.measurement import Task
from improvement.offline.record import Record


class OfflinePrograms:
    """The programs of one run."""

    def __init__(self, task: Task, record: Record, programs: tuple[str, ...]) -> None:
        self._workshop = Workshop(task, self._keep, programs)
        self._record = record

    def run(self, commands: Sequence[Command]) -> Outing:
        """Run a round of commands; it is in the record when this returns."""
        outing = outings.run(commands, do=self._workshop.do, book=self, stop=lambda: False, beat=lambda: None)
        self._record.helped(outing)
        return outing

    def recorded(self, place: int, command: Command) -> Done | None:
        """Return what came of a command before the round was cut short."""
        return self._record.done.get((place, command.digest))

    def did(self, place: int, command: Command, done: Done) -> None:
        """Record what came of a command."""
        self._record.did(place, command.digest, done)

    def _keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self._record.kept(digest, content.decode())
        return digest
