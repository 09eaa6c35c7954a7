"""The strategy of a run: recorded answers as long as there are any, then a live process in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from improvement.engine.asktell import Init, Message, Proposal
from improvement.engine.errands import Programs
from improvement.engine.session import Process, Session
from improvement.exceptions import Conflict
from improvement.offline.models import OfflineModels
from improvement.offline.record import Record

SNAPSHOT_EVERY = 16  # tells between two snapshots, so that a resumed run replays few generations


class ClosingProcess(Process, Protocol):
    """A strategy process that ends with its ``with`` block."""

    def __enter__(self) -> Self:
        """Start it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""


class Proposer:
    """Asks and tells, and keeps a record of both; the process starts at the first step that has no recorded answer."""

    def __init__(
        self,
        start: Callable[[], ClosingProcess],
        init: Init,
        record: Record,
        programs: Programs,
        models: OfflineModels,
    ) -> None:
        self._start = start
        self._init = init
        self._record = record
        self._programs = programs
        self._models = models
        self._session: Session | None = None
        self._told = 0
        self._stack = ExitStack()
        self._stack.callback(models.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self, count: int) -> tuple[Proposal, ...]:
        """Ask for proposals; raises Conflict when the record shows another question at this point."""
        if self._record.asks:
            recorded, proposals, rounds = self._record.asks.popleft()
            if recorded != count:
                raise Conflict(f"The state file shows {recorded} proposals asked for where this run asks for {count}.")
            self._models.recall(rounds)
            return proposals
        session = self._live()
        self._models.recall(self._record.rounds)
        self._record.rounds = []
        proposals = session.ask(count)
        self._record.asked(count, proposals)
        return proposals

    def tell(self, message: Message, seconds: float) -> float:
        """Tell the strategy, and return the run's wall seconds at this point (the recorded ones, if any)."""
        if self._record.tells:
            recorded, then = self._record.tells.popleft()
            if recorded != message:
                raise Conflict(
                    "The state file shows other results than this run: the target or the machine has changed."
                )
            return then
        session = self._live()
        session.tell(message)
        self._record.told(message, seconds)
        self._told += 1
        if self._record.is_kept and self._told % SNAPSHOT_EVERY == 0:
            self._record.snapshotted(session.snapshot())
        return seconds

    def _live(self) -> Session:
        if self._session is None:
            process = self._stack.enter_context(self._start())
            self._session = Session.restore(process, self._init, self._record.snapshot, self._record.journal)
            self._session.programs = self._programs
            self._session.models = self._models
        return self._session
