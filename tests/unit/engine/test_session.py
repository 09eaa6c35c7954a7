"""A session survives the loss of its process, and notices a strategy that does not repeat itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.engine.asktell import Init, Message, Proposal, Result, ToldOutcome, tell_message
from improvement.engine.session import Entry, Session, Snapshot, Tell, entry_for, entry_from_json, entry_to_json
from improvement.exceptions import StrategyError

INIT = Init(5, {}, {"name": "walk", "files": {"x.txt": "0"}})


@dataclass
class Walk:
    """A small but complete strategy: walks from the best number seen, with all its state in the snapshot."""

    memory: str = ""
    random: Random = field(default_factory=Random)
    best: float = 0.0

    def request(self, message: Message, seconds: float) -> Message:
        assert seconds > 0
        return {"init": self._init, "ask": self._ask, "tell": self._tell, "snapshot": self._snapshot}[message["type"]](
            message
        )

    def _init(self, message: Message) -> Message:
        self.random.seed(message["seed"])
        if message["state"] is not None:
            self.best, state = json.loads(message["state"])
            self.random.setstate((state[0], tuple(state[1]), state[2]))
        return {"type": "ready", "name": "walk", "version": "1"}

    def _ask(self, message: Message) -> Message:
        texts = [repr(self.best + self.random.gauss(0.0, 1.0)) for _ in range(message["count"])]
        return {"type": "proposals", "proposals": [{"files": {"x.txt": text}, "note": self.memory} for text in texts]}

    def _tell(self, message: Message) -> Message:
        self.best = max([self.best, *(result["score"] for result in message["results"])])
        return {"type": "ok"}

    def _snapshot(self, _: Message) -> Message:
        return {"type": "state", "state": json.dumps([self.best, self.random.getstate()])}


def _step(session: Session, count: int, journal: list[Entry]) -> tuple[Proposal, ...]:
    """One generation, journalled: the score of a number is the number itself."""
    proposals = session.ask(count)
    results = [Result(one.number, ToldOutcome.OK, float(one.files["x.txt"])) for one in proposals]
    message = tell_message(results, [], None)
    session.tell(message)
    journal += [entry_for(count, proposals), Tell(message)]
    return proposals


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    lost_after=st.integers(0, 11),
    snapshot_after=st.integers(-1, 11),
)
def test_restore_anywhere_goes_on_as_if_never_lost(counts: list[int], lost_after: int, snapshot_after: int) -> None:
    whole = Session(Walk(), INIT)
    uninterrupted = [_step(whole, count, []) for count in counts]

    session, journal, snapshot = Session(Walk(), INIT), list[Entry](), None
    seen = []
    for index, count in enumerate(counts):
        seen.append(_step(session, count, journal))
        if index == snapshot_after:
            snapshot, journal = session.snapshot(), []
        if index == lost_after:
            stored: list[Any] = json.loads(json.dumps([entry_to_json(entry) for entry in journal]))
            session = Session.restore(Walk(), INIT, snapshot, [entry_from_json(entry) for entry in stored])
    assert seen == uninterrupted


def test_numbers_go_on_over_generations() -> None:
    session = Session(Walk(), INIT)
    assert [one.number for _ in range(3) for one in _step(session, 2, [])] == [0, 1, 2, 3, 4, 5]
    assert session.snapshot().next_number == 6


def test_restore_strategy_that_does_not_repeat_itself_refused() -> None:
    session, journal = Session(Walk(memory="first life"), INIT), list[Entry]()
    _step(session, 2, journal)
    with pytest.raises(StrategyError, match="not deterministic"):
        Session.restore(Walk(memory="second life"), INIT, None, journal)


def test_restore_from_state_without_journal() -> None:
    session = Session(Walk(), INIT)
    _step(session, 3, [])
    state = session.snapshot()
    expected = session.ask(4)
    assert Session.restore(Walk(), INIT, Snapshot(state.state, state.next_number), []).ask(4) == expected


def test_entry_of_unknown_kind_refused() -> None:
    with pytest.raises(StrategyError, match="damaged"):
        entry_from_json({"kind": "sing"})
