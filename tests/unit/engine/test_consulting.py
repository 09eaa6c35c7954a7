"""Questions to models within an ask: checked, bounded, and after a restart answered from the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from improvement.engine.asktell import Init, Message
from improvement.engine.consulting import MAX_REQUESTS, Cost, Offer, Round, read_requests, round_of
from improvement.engine.errands import Command, Done, Outing, outing_of
from improvement.engine.model_calls import Message as Said
from improvement.engine.model_calls import ModelAnswer, ModelRequest, Speaker
from improvement.engine.session import MAX_ROUNDS, Ask, Entry, Session, entry_for, entry_from_json, entry_to_json
from improvement.exceptions import StrategyError

OFFER = Offer("fast", price_in=2.0, price_out=10.0, max_tokens=100)
INIT = Init(5, {}, {"name": "chat", "files": {"x.txt": "0"}, "models": [OFFER.as_json()]})


def _question(text: str, model: str = "fast") -> dict[str, Any]:
    return {"messages": [{"role": "user", "text": text}], "model": model}


@dataclass
class Chat:
    """A strategy that asks so many rounds of two questions and proposes what was answered; ``word`` is its chance."""

    rounds: int = 2
    word: str = "why"
    heard: list[str] = field(default_factory=list)
    left: int = 0

    def request(self, message: Message, seconds: float) -> Message:
        if message["type"] == "init":
            return {"type": "ready"}
        if message["type"] == "ask":
            self.left, self.heard = self.rounds, []
        else:
            self.heard += [answer["text"] for answer in message["answers"]]
        if self.left:
            self.left -= 1
            texts = [f"{self.word} {self.left} {number}" for number in range(2)]
            return {"type": "models", "requests": [_question(text) for text in texts]}
        return {"type": "proposals", "proposals": [{"files": {"x.txt": " ".join(self.heard)}}]}


@dataclass
class Oracle:
    """Models that number their answers; ``journal`` gets every round before it is handed over."""

    journal: list[Entry]
    asked: int = 0
    lost_after: int = 1000

    def answer(self, requests: tuple[ModelRequest, ...]) -> Round:
        if len([one for one in self.journal if isinstance(one, Round)]) >= self.lost_after:
            raise KeyboardInterrupt
        answers = []
        for _ in requests:
            answers.append(ModelAnswer(f"a{self.asked}", "fast", 10, 5, 7))
            self.asked += 1
        found = round_of(requests, answers)
        self.journal.append(found)
        return found


def _live(session: Session, oracle: Oracle) -> Session:
    session.models = oracle
    return session


def _stored(journal: list[Entry]) -> list[Entry]:
    return [entry_from_json(one) for one in json.loads(json.dumps([entry_to_json(entry) for entry in journal]))]


def test_an_ask_with_two_rounds_of_questions_ends_in_proposals() -> None:
    oracle = Oracle([])
    (proposal,) = _live(Session(Chat(), INIT), oracle).ask(1)
    assert proposal.files == {"x.txt": "a0 a1 a2 a3"}
    first, second = oracle.journal
    assert isinstance(first, Round)
    assert isinstance(second, Round)
    assert first.cost == Cost(30, 14)
    assert len({*first.questions, *second.questions}) == 4


@pytest.mark.parametrize("lost_after", [0, 1, 2])
def test_a_process_lost_within_an_ask_asks_no_recorded_round_again(lost_after: int) -> None:
    journal: list[Entry] = []
    oracle = Oracle(journal, lost_after=lost_after)
    if lost_after < 2:
        with pytest.raises(KeyboardInterrupt):
            _live(Session(Chat(), INIT), oracle).ask(1)
    else:
        _live(Session(Chat(), INIT), oracle).ask(1)  # and lost before its proposals are on record
    oracle.lost_after = 1000
    session = _live(Session.restore(Chat(), INIT, None, _stored(journal)), oracle)
    (proposal,) = session.ask(1)
    assert proposal.files == {"x.txt": "a0 a1 a2 a3"}
    assert oracle.asked == 4


def test_a_finished_ask_is_replayed_without_models() -> None:
    oracle = Oracle([])
    proposals = _live(Session(Chat(), INIT), oracle).ask(1)
    journal = _stored([*oracle.journal, entry_for(1, proposals)])
    session = Session.restore(Chat(), INIT, None, journal)
    assert (oracle.asked, session.next_number) == (4, 1)


@pytest.mark.parametrize(
    "changed", [{"word": "how"}, {"rounds": 1}, {"rounds": 3}], ids=["other words", "fewer rounds", "more rounds"]
)
def test_a_strategy_that_asks_otherwise_after_a_restart_is_refused(changed: dict[str, Any]) -> None:
    oracle = Oracle([])
    proposals = _live(Session(Chat(), INIT), oracle).ask(1)
    journal = [*oracle.journal, entry_for(1, proposals)]
    with pytest.raises(StrategyError, match=r"not deterministic|no models"):
        Session.restore(Chat(**changed), INIT, None, journal)
    assert oracle.asked == 4


def test_endless_questions_are_refused() -> None:
    oracle = Oracle([])
    with pytest.raises(StrategyError, match=f"asked for help {MAX_ROUNDS} times and still proposes nothing"):
        _live(Session(Chat(rounds=100), INIT), oracle).ask(1)
    assert oracle.asked == 2 * MAX_ROUNDS


class Both(Chat):
    """A strategy that asks a model, then has a program run, and proposes what both came to."""

    def request(self, message: Message, seconds: float) -> Message:
        if message["type"] == "models":
            self.heard = [answer["text"] for answer in message["answers"]]
            command = {"argv": ["agent"], "files": {"x.txt": self.heard[0]}, "task": "Do it.", "seconds": 60}
            return {"type": "commands", "commands": [command]}
        if message["type"] == "commands":
            return {"type": "proposals", "proposals": [{"files": message["answers"][0]["files"]}]}
        return super().request(message, seconds)


class Workshop:
    """Programs that write `done` and keep what they were asked for."""

    def __init__(self, journal: list[Entry]) -> None:
        self.journal = journal

    def run(self, commands: Sequence[Command]) -> Outing:
        done = Done("exit", 0, "", {"x.txt": f"{commands[0].files['x.txt']} done"}, (), "", 1.0, "f" * 64)
        self.journal.append(outing_of(commands, [done]))
        assert isinstance(self.journal[-1], Outing)
        return self.journal[-1]


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_models_and_programs_can_help_with_one_ask_and_replay_from_one_journal(kept: int) -> None:
    journal: list[Entry] = []
    oracle = Oracle(journal)
    first = _live(Session(Both(), INIT), oracle)
    first.programs = Workshop(journal)
    proposals = first.ask(1)
    assert proposals[0].files == {"x.txt": "a0 done"}
    assert [type(entry) for entry in journal] == [Round, Outing]
    journal.append(entry_for(1, proposals))
    again, resumed = Oracle([]), Session.restore(Both(), INIT, None, _stored(journal[:kept]))
    resumed.models, resumed.programs = again, Workshop([])
    assert resumed.next_number == (kept == 3)
    if kept < 3:
        assert resumed.ask(1) == proposals
    assert again.asked == (2 if kept == 0 else 0)


def test_a_run_without_models_refuses_questions() -> None:
    with pytest.raises(StrategyError, match="this run has no models"):
        Session(Chat(), INIT).ask(1)


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        ([], "from 1 to 64 questions"),
        ([_question("x")] * (MAX_REQUESTS + 1), "from 1 to 64 questions"),
        ([_question("x", "other")], "asks the model 'other'; this run has fast"),
        ([_question("x" * 1_500_000)] * 3, "4500000 bytes at a time"),
        (["x"], "must be an object"),
        (None, "from 1 to 64 questions"),
    ],
)
def test_requests_are_checked(requests: object, said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        read_requests({"type": "models", "requests": requests}, ["fast"])


def test_what_a_question_may_cost_at_most_is_reckoned_from_its_bytes_and_limits() -> None:
    request = ModelRequest((Said(Speaker.USER, "x" * 299 + "é"),), "fast", max_tokens=4096)
    assert OFFER.most(request) == Cost(151 + 100, 151 * 2 + 100 * 10)
    assert Offer("free", max_tokens=10).most(request).microusd == 0


def test_rounds_and_asks_survive_as_json() -> None:
    entries: list[Entry] = [Round(("q",), (ModelAnswer.failed("fast", "no"),), Cost(5, 6)), Ask(1, 1, "d")]
    assert _stored(entries) == entries
