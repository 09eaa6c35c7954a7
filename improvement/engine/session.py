"""A conversation with one strategy that survives the loss of its process.

The process is a cache. The truth is a snapshot (the strategy's own opaque state) and the
journal of what was asked and told since; from the two a new process is brought to exactly
where the lost one was, and its answers are checked against the recorded ones on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
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
from improvement.engine.consulting import Models, NoModels, Round, read_requests
from improvement.engine.errands import Command, NoPrograms, Outing, Programs, read_commands
from improvement.engine.model_calls import ModelRequest
from improvement.exceptions import StrategyError

INIT_SECONDS = 60.0
ASK_SECONDS = 120.0
TELL_SECONDS = 60.0
MAX_ROUNDS = 8
"""How often a strategy may ask for help, of models or programs, before it proposes."""


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


Help = Outing | Round
"""Journal entry: one round of what a strategy asked for before it proposed, and what it was answered."""
HELP: Mapping[str, type[Help]] = {Outing.kind: Outing, Round.kind: Round}
Entry = Ask | Tell | Help


@dataclass(frozen=True)
class Snapshot:
    """A strategy's state, with the number that its next proposal gets."""

    state: str
    next_number: int


def entry_to_json(entry: Entry) -> Message:
    """Give a journal entry as plain JSON."""
    if isinstance(entry, Ask):
        return {"kind": "ask", "count": entry.count, "answered": entry.answered, "digest": entry.digest}
    if isinstance(entry, Tell):
        return {"kind": "tell", "message": entry.message}
    return {"kind": entry.kind, **entry.as_json()}


def entry_from_json(value: Message) -> Entry:
    """Read a journal entry from plain JSON; raises StrategyError."""
    if value.get("kind") == "ask":
        return Ask(int(value["count"]), int(value["answered"]), str(value["digest"]))
    if value.get("kind") == "tell":
        return Tell(dict(value["message"]))
    if value.get("kind") in HELP:
        return HELP[value["kind"]].from_json(value)
    raise StrategyError(f"A journal entry of kind {value.get('kind')!r} is unknown: the journal is damaged.")


class Session:
    """The live conversation; ``next_number`` is the number that the next proposal gets.

    ``programs`` runs what the strategy wants to be run and ``models`` answers its questions: nobody does, until
    somebody is put there.
    """

    def __init__(self, process: Process, init: Init, snapshot: Snapshot | None = None) -> None:
        self._process = process
        self._init = init
        self._recorded: deque[Help] = deque()
        self.programs: Programs = NoPrograms()
        self.models: Models = NoModels()
        self.next_number = snapshot.next_number if snapshot else 0
        read_ready(process.request(init.message(snapshot.state if snapshot else None), INIT_SECONDS))

    @classmethod
    def restore(cls, process: Process, init: Init, snapshot: Snapshot | None, journal: Sequence[Entry]) -> Session:
        """Bring a fresh process to where a lost one was.

        ``journal`` holds what happened since the snapshot (since the start when it is None). Rounds of help after the
        last ``ask`` are those of an ask that was cut short; the next one gets their answers from the record.
        Raises StrategyError when the strategy answers differently from the record.
        """
        session = cls(process, init, snapshot)
        for entry in journal:
            session._replay(entry)
        return session

    def ask(self, count: int) -> tuple[Proposal, ...]:
        """Ask for up to so many proposals; an empty answer means the strategy is exhausted.

        What the strategy asks for on the way is done for it, in at most ``MAX_ROUNDS`` rounds.
        """
        answer = self._process.request({"type": "ask", "count": count}, ASK_SECONDS)
        rounds: list[Help] = []
        while str(answer.get("type")) in HELP:
            if len(rounds) == MAX_ROUNDS:
                raise StrategyError(f"The strategy asked for help {MAX_ROUNDS} times and still proposes nothing.")
            rounds.append(self._helped(answer))
            answer = self._process.request(rounds[-1].message(), ASK_SECONDS)
        proposals = read_proposals(answer, count=count, first=self.next_number, files=self._init.files)
        _check_transcripts(proposals, rounds)
        self.next_number += len(proposals)
        return proposals

    def tell(self, message: Message) -> None:
        """Send a ``tell`` message (see asktell.tell_message)."""
        read_ok(self._process.request(message, TELL_SECONDS))

    def snapshot(self) -> Snapshot:
        """Take the strategy's state, from which it goes on as if never stopped."""
        return Snapshot(read_state(self._process.request({"type": "snapshot"}, TELL_SECONDS)), self.next_number)

    def _helped(self, answer: Message) -> Help:
        """Have done what the strategy asks for, unless it is on record."""
        if answer["type"] == Outing.kind:
            commands = read_commands(answer)
            return self._on_record(commands) or self.programs.run(commands)
        requests = read_requests(answer, self._init.models)
        return self._on_record(requests) or self.models.answer(requests)

    def _on_record(self, wanted: Sequence[Command | ModelRequest]) -> Help | None:
        """Return the next round on record, which must be of what is wanted; None when there is none left."""
        if not self._recorded:
            return None
        recorded = self._recorded.popleft()
        if recorded.questions != tuple(one.digest for one in wanted):
            raise StrategyError(_differs("asked for something else"))
        return recorded

    def _replay(self, entry: Entry) -> None:
        if isinstance(entry, Tell):
            self.tell(entry.message)
        elif not isinstance(entry, Ask):
            self._recorded.append(entry)
        elif entry_for(entry.count, self.ask(entry.count)) != entry or self._recorded:
            raise StrategyError(_differs("proposed something else"))


def _check_transcripts(proposals: Sequence[Proposal], rounds: Sequence[Help]) -> None:
    """Raise StrategyError for a proposal that rests on something that this ask did not bring."""
    left = {transcript for one in rounds for transcript in one.transcripts}
    for proposal in proposals:
        if proposal.transcript and proposal.transcript not in left:
            raise StrategyError(f"Proposal {proposal.number} names a transcript that nothing in this ask left.")


def _differs(what: str) -> str:
    return (
        f"The strategy is not deterministic: asked again after a restart, it {what}. "
        "All its random choices must come from the seed and be part of its state."
    )


def entry_for(count: int, proposals: Sequence[Proposal]) -> Ask:
    """Make the journal entry for an answered ``ask``."""
    return Ask(count, len(proposals), proposals_digest(proposals))
