"""A round of questions: several at once, within what may be spent, and nothing new under the stop."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from improvement.broker.answering import AT_ONCE, put
from improvement.broker.cutting import Cut
from improvement.engine.consulting import TOO_DEAR, Cost, Offer, Round
from improvement.engine.model_calls import Message, ModelAnswer, ModelRequest, Speaker
from improvement.exceptions import Halted

OFFERS = {"fast": Offer("fast", price_in=1.0, price_out=1.0, max_tokens=10)}
REAL = Cost(12, 5)


def _requests(count: int) -> list[ModelRequest]:
    return [ModelRequest((Message(Speaker.USER, f"question {number}"),), "fast") for number in range(count)]


MOST = OFFERS["fast"].most(_requests(1)[0])


def _ask(request: ModelRequest) -> ModelAnswer:
    return ModelAnswer(request.messages[0].text.upper(), "fast", 8, 4, 5)


@dataclass
class Purse:
    """So many tokens to spend; keeps what happened, in order."""

    tokens: int = 10_000
    recorded: dict[int, ModelAnswer] = field(default_factory=dict)
    aside: int = 0
    happened: list[str] = field(default_factory=list)

    def known(self, index: int, request: ModelRequest) -> ModelAnswer | None:
        return self.recorded.get(index)

    def reserve(self, index: int, request: ModelRequest, most: Cost) -> bool:
        if self.aside + most.tokens > self.tokens:
            return False
        self.aside += most.tokens
        self.happened.append(f"reserve {index}")
        return True

    def settle(self, index: int, request: ModelRequest, most: Cost, answer: ModelAnswer) -> None:
        self.aside -= most.tokens
        self.tokens -= Cost.of(answer).tokens
        self.happened.append(f"settle {index}")


def _put(requests: list[ModelRequest], purse: Purse, **changes: object) -> Round:
    usual = {"asks": {"fast": _ask}, "offers": OFFERS, "stop": lambda: False, "beat": lambda: None, "cut": Cut()}
    return put(requests, ledger=purse, **{**usual, **changes})  # type: ignore[arg-type]


def test_answers_come_in_the_order_of_the_questions() -> None:
    purse = Purse()
    found = _put(_requests(9), purse)
    assert [answer.text for answer in found.answers] == [f"QUESTION {number}" for number in range(9)]
    assert found.cost == Cost(9 * 12, 9 * 5)
    assert (purse.aside, purse.tokens) == (0, 10_000 - 9 * 12)
    assert found.lacking is None


def test_several_are_under_way_at_once_and_never_more_than_allowed() -> None:
    gate, lock, under_way, most = threading.Barrier(AT_ONCE, timeout=30), threading.Lock(), [0], [0]

    def together(request: ModelRequest) -> ModelAnswer:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        gate.wait()
        with lock:
            under_way[0] -= 1
        return _ask(request)

    _put(_requests(2 * AT_ONCE), Purse(), asks={"fast": together})
    assert most == [AT_ONCE]


@pytest.mark.parametrize("affordable", range(6))
def test_what_does_not_fit_is_refused_whoever_answers_first(affordable: int) -> None:
    """After each answer 12 tokens are gone for good; a question needs room for all that it may cost at most."""
    purse = Purse(tokens=MOST.tokens + 12 * (affordable - 1) if affordable else MOST.tokens - 1)
    found = _put(_requests(5), purse)
    errors = [answer.error for answer in found.answers]
    assert errors == [None] * min(affordable, 5) + [TOO_DEAR] * (5 - affordable)
    assert found.lacking == (MOST if affordable < 5 else None)
    assert purse.aside == 0


def test_what_is_on_record_is_not_asked_again() -> None:
    purse = Purse(recorded={1: ModelAnswer("from the record", "fast")})
    assert [answer.text for answer in _put(_requests(3), purse).answers] == [
        "QUESTION 0",
        "from the record",
        "QUESTION 2",
    ]
    assert "reserve 1" not in purse.happened


def test_under_the_stop_what_is_under_way_is_recorded_and_nothing_begins() -> None:
    purse, asked = Purse(), []

    def ask(request: ModelRequest) -> ModelAnswer:
        asked.append(request)
        return _ask(request)

    with pytest.raises(Halted, match="no model is asked"):
        _put(_requests(9), purse, asks={"fast": ask}, stop=lambda: len(asked) > 0)
    begun = [one for one in purse.happened if one.startswith("reserve")]
    assert 1 <= len(begun) < 9
    assert len(purse.happened) == 2 * len(begun)


def test_under_the_stop_what_waits_is_cut_off_and_what_was_answered_is_recorded() -> None:
    purse, cut, stopped = Purse(), Cut(), threading.Event()

    def ask(request: ModelRequest) -> ModelAnswer:
        if request.messages[0].text == "question 0":
            return _ask(request)
        stopped.set()
        cut.sleep(60)
        return _ask(request)

    with pytest.raises(Halted, match="no model is asked"):
        _put(_requests(3), purse, asks={"fast": ask}, stop=stopped.is_set, cut=cut)
    assert [one for one in purse.happened if one.startswith("settle")] == ["settle 0"]


def test_a_beat_that_raises_ends_the_round_at_once() -> None:
    cut = Cut()

    def ask(request: ModelRequest) -> ModelAnswer:
        cut.sleep(60)
        return _ask(request)

    def lost() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _put(_requests(2), Purse(), asks={"fast": ask}, beat=lost, cut=cut)
