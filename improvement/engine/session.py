"""A conversation with one strategy that survives the loss of its process.

The process is a cache. The truth is a snapshot (the strategy's own opaque state) and the
journal of what was asked and told since; from the two a new process is brought to exactly
where the lost one was, and its answers are checked against the recorded ones on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from improvement.engine.asktell import (
    Init,
    Message,
    Proposal,
    proposals_digest,
    read_ok,
    read_proposals,
    read_ready,
    read_state,
)
from improvement.exceptions import StrategyError

INIT_SECONDS = 60.0
ASK_SECONDS = 120.0
TELL_SECONDS = 60.0


class Process(Protocol):
    """A running strategy: one message out, one answer back; raises StrategyError when it is lost."""

    def request(self, message: Message, seconds: float) -> Message:
        """Send a message and return the answer within so many seconds."""


@dataclass(frozen=True)
class Ask:
    """Journal entry: so many proposals were asked for, and the answer had this digest and length."""

    count: int
    answered: int
    digest: str


@dataclass(frozen=True)
class Tell:
    """Journal entry: this ``tell`` message was sent."""

    message: Message


Entry = Ask | Tell


@dataclass(frozen=True)
class Snapshot:
    """A strategy's state, with the number that its next proposal gets."""

    state: str
    next_number: int


def entry_to_json(entry: Entry) -> Message:
    """Give a journal entry as plain JSON."""
    if isinstance(entry, Ask):
        return {"kind": "ask", "count": entry.count, "answered": entry.answered, "digest": entry.digest}
    return {"kind": "tell", "message": entry.message}


def entry_from_json(value: Message) -> Entry:
    """Read a journal entry from plain JSON; raises StrategyError."""
    if value.get("kind") == "ask":
        return Ask(int(value["count"]), int(value["answered"]), str(value["digest"]))
    if value.get("kind") == "tell":
        return Tell(dict(value["message"]))
    raise StrategyError(f"A journal entry of kind {value.get('kind')!r} is unknown: the journal is damaged.")


class Session:
    """The live conversation; ``next_number`` is the number that the next proposal gets."""

    def __init__(self, process: Process, init: Init, snapshot: Snapshot | None = None) -> None:
        self._process = process
        self._init = init
        self.next_number = snapshot.next_number if snapshot else 0
        read_ready(process.request(init.message(snapshot.state if snapshot else None), INIT_SECONDS))

    @classmethod
    def restore(cls, process: Process, init: Init, snapshot: Snapshot | None, journal: Sequence[Entry]) -> Session:
        """Bring a fresh process to where a lost one was.

        ``journal`` holds what happened since the snapshot (since the start when it is None).
        Raises StrategyError when the strategy answers differently from the record.
        """
        session = cls(process, init, snapshot)
        for entry in journal:
            session._replay(entry)
        return session

    def ask(self, count: int) -> tuple[Proposal, ...]:
        """Ask for up to so many proposals; an empty answer means the strategy is exhausted."""
        answer = self._process.request({"type": "ask", "count": count}, ASK_SECONDS)
        proposals = read_proposals(answer, count=count, first=self.next_number, files=self._init.files)
        self.next_number += len(proposals)
        return proposals

    def tell(self, message: Message) -> None:
        """Send a ``tell`` message (see asktell.tell_message)."""
        read_ok(self._process.request(message, TELL_SECONDS))

    def snapshot(self) -> Snapshot:
        """Take the strategy's state, from which it goes on as if never stopped."""
        return Snapshot(read_state(self._process.request({"type": "snapshot"}, TELL_SECONDS)), self.next_number)

    def _replay(self, entry: Entry) -> None:
        if isinstance(entry, Tell):
            self.tell(entry.message)
        elif entry_for(entry.count, self.ask(entry.count)) != entry:
            raise StrategyError(
                "The strategy is not deterministic: asked again after a restart, it proposed something else. "
                "All its random choices must come from the seed and be part of its state."
            )


def entry_for(count: int, proposals: Sequence[Proposal]) -> Ask:
    """Make the journal entry for an answered ``ask``."""
    return Ask(count, len(proposals), proposals_digest(proposals))
