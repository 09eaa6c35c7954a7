"""Several strategies that share a run: whose turn it is, who hears what, whose numbers are whose, and coming back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.engine.asktell import Init, Message, Proposal, Result, ToldOutcome, tell_message
from improvement.engine.decisions import Decision, Verdict
from improvement.engine.ensemble import Ensemble
from improvement.engine.packages import StrategyPackage, find_builtin, join
from improvement.engine.rates import Rates
from improvement.engine.session import Entry, Session, Snapshot, Tell, entry_for, entry_from_json, entry_to_json
from improvement.exceptions import StrategyError

FILES = {"x.txt": "0"}
PACKAGE = join([find_builtin("policy"), find_builtin("parameters")])
TASK = {"name": "walk", "files": FILES, "score": 0.0, "metric": {"name": "score", "better": "higher"}}


def init(package: StrategyPackage = PACKAGE) -> Init:
    """Return what the strategies are told first."""
    return Init(5, package.settings({}), TASK)


@dataclass
class Stepper:
    """A strategy that steps up from the best it knows, by so much, ``left`` times; it writes down what it hears."""

    step: float
    left: int = 10**6
    refusal: str = ""
    named: Any = field(default_factory=list)
    best: float = 0.0
    chance: Random = field(default_factory=Random)
    heard: list[Message] = field(default_factory=list)

    def request(self, message: Message, seconds: float) -> Message:
        """Answer as strategies do."""
        self.heard.append(message)
        if message["type"] == "init":
            self.chance.seed(message["seed"])
            if message["state"]:
                self.best, self.left, (version, numbers, gauss) = json.loads(message["state"])
                self.chance.setstate((version, tuple(numbers), gauss))
            return {"type": "ready"}
        if message["type"] == "ask":
            return self.proposed(message["count"])
        if message["type"] == "tell":
            known = [*message["results"], *message["foreign"]]
            self.best = max([self.best, *(one["score"] for one in known if one["score"] is not None)])
            return {"type": "ok"}
        return {"type": "state", "state": json.dumps([self.best, self.left, self.chance.getstate()])}

    def proposed(self, count: int) -> Message:
        """Return proposals, or that there are none left."""
        self.left -= 1
        if self.left < 0:
            error = {"type": "error", "message": self.refusal}
            return error if self.refusal else {"type": "proposals", "proposals": []}
        values = [self.best + self.step * self.chance.random() for _ in range(count)]
        more = {"parents": self.named, "operator": "up"}
        return {"type": "proposals", "proposals": [{"files": {"x.txt": repr(v)}, **more} for v in values]}


def generation(session: Session, journal: list[Entry] | None = None, **more: Any) -> tuple[Proposal, ...]:
    """One generation: the score of a proposal is its number; ``decisions`` may be told with it."""
    proposals = session.ask(3)
    results = [Result(one.number, ToldOutcome.OK, float(one.files["x.txt"])) for one in proposals]
    message = tell_message(results, more.get("decisions", []), None)
    session.tell(message)
    if journal is not None:
        journal += [entry_for(3, proposals), Tell(message)]
    return proposals


def turns(proposals: tuple[Proposal, ...]) -> set[str]:
    """Return whose proposals these are."""
    return {one.operator.partition(":")[0] for one in proposals}


def test_a_generation_is_one_strategys_and_says_whose() -> None:
    session = Session(Ensemble(PACKAGE, [Stepper(1.0), Stepper(1.0)]), init())
    seen = [generation(session) for _ in range(2)]
    assert [len(turns(one)) for one in seen] == [1, 1]
    assert turns(seen[0]) | turns(seen[1]) == {"policy", "parameters"}
    assert [one.number for proposals in seen for one in proposals] == list(range(6))


def test_who_brings_more_proposes_more_and_nobody_is_given_up() -> None:
    session = Session(Ensemble(PACKAGE, [Stepper(1.0), Stepper(-1.0)]), init())
    whose = [turns(generation(session)).pop() for _ in range(60)]
    assert whose.count("policy") > 2 * whose.count("parameters") > 6


def test_all_hear_of_all_that_was_measured_under_their_own_numbers() -> None:
    both = [Stepper(1.0), Stepper(1.0)]
    session = Session(Ensemble(PACKAGE, both), init())
    first, second = generation(session), generation(session)
    owner, other = both if "policy" in turns(first) else both[::-1]
    told = [message for message in owner.heard if message["type"] == "tell"]
    assert [[one["number"] for one in message["results"]] for message in told] == [[0, 1, 2], []]
    assert [[one["number"] for one in message["foreign"]] for message in told] == [[], [-4, -5, -6]]
    assert [one["files"] for one in told[1]["foreign"]] == [dict(one.files) for one in second]
    later = [message for message in other.heard if message["type"] == "tell"][1]
    assert [one["number"] for one in later["results"]] == [0, 1, 2]


def test_decisions_and_duplicates_go_to_their_strategy() -> None:
    both = [Stepper(1.0), Stepper(1.0)]
    session = Session(Ensemble(PACKAGE, both), init())
    first = generation(session)
    session.ask(1)
    told = [Result(3, ToldOutcome.DUPLICATE, of=1)]
    session.tell(tell_message(told, [Decision(2, Verdict.REJECTED, "no")], None))
    owner, other = both if "policy" in turns(first) else both[::-1]
    assert [(one["number"], one["verdict"]) for one in owner.heard[-1]["decisions"]] == [(2, "rejected")]
    assert other.heard[-1]["decisions"] == []
    assert [(one["number"], one["of"]) for one in other.heard[-1]["results"]] == [(0, -2)]


def test_parents_are_the_runs_numbers_also_of_foreign_programs() -> None:
    both = {"policy": Stepper(1.0), "parameters": Stepper(1.0)}
    session = Session(Ensemble(PACKAGE, list(both.values())), init())
    first = turns(generation(session)).pop()
    (second,) = set(both) - {first}
    assert turns(generation(session)) == {second}
    both[first].named, both[second].named = [2, -5], [2, -2]
    third = generation(session)
    assert third[0].parents == {first: (2, 4), second: (5, 1)}[turns(third).pop()]


@pytest.mark.parametrize("named", [[3], [-4], ["one"], [True], "all"])
def test_parents_that_are_not_there_are_refused(named: Any) -> None:
    session = Session(Ensemble(PACKAGE, [Stepper(1.0, named=named), Stepper(1.0, named=named)]), init())
    with pytest.raises(StrategyError, match="must name its parents by the numbers of earlier proposals"):
        session.ask(3)


def test_one_that_has_nothing_more_leaves_the_run_to_the_others() -> None:
    session = Session(Ensemble(PACKAGE, [Stepper(1.0, left=1), Stepper(1.0, left=3)]), init())
    whose = [turns(generation(session)) for _ in range(4)]
    assert (whose.count({"policy"}), whose.count({"parameters"})) == (1, 3)
    assert session.ask(3) == ()


def test_a_refusal_ends_the_run_only_when_nobody_else_is_left() -> None:
    refusing = Stepper(1.0, left=0, refusal="The models gave nothing usable.")
    session = Session(Ensemble(PACKAGE, [refusing, Stepper(1.0, left=1)]), init())
    assert turns(generation(session)) == {"parameters"}
    with pytest.raises(StrategyError, match=r"The models gave nothing usable\."):
        session.ask(3)


@settings(deadline=None, max_examples=30)
@given(lost_after=st.integers(0, 9), snapshot_after=st.integers(-1, 9), seed=st.integers(0, 100))
def test_coming_back_anywhere_goes_on_as_if_never_lost(lost_after: int, snapshot_after: int, seed: int) -> None:
    begun = Init(seed, PACKAGE.settings({}), TASK)

    def fresh() -> Ensemble:
        return Ensemble(PACKAGE, [Stepper(1.0), Stepper(0.2, left=4)])

    whole = Session(fresh(), begun)
    uninterrupted = [generation(whole) for _ in range(10)]
    session, journal, snapshot = Session(fresh(), begun), list[Entry](), None
    seen = []
    for index in range(10):
        seen.append(generation(session, journal))
        if index == snapshot_after:
            snapshot, journal = session.snapshot(), []
        if index == lost_after:
            stored = json.loads(json.dumps([entry_to_json(entry) for entry in journal]))
            session = Session.restore(fresh(), begun, snapshot, [entry_from_json(entry) for entry in stored])
    assert seen == uninterrupted
    assert session.snapshot() == whole.snapshot()


def test_a_state_between_ask_and_tell_holds_whose_turn_it_is() -> None:
    session = Session(Ensemble(PACKAGE, [Stepper(1.0), Stepper(1.0)]), init())
    asked = session.ask(3)
    state = session.snapshot()
    back = Session(Ensemble(PACKAGE, [Stepper(1.0), Stepper(1.0)]), init(), state)
    message = tell_message([Result(one.number, ToldOutcome.OK, 1.0) for one in asked], [], None)
    for one in (session, back):
        one.tell(message)
    assert back.snapshot() == session.snapshot()


def test_a_damaged_state_is_one_clear_line() -> None:
    with pytest.raises(StrategyError, match="kept state of the strategies cannot be read"):
        Session(Ensemble(PACKAGE, [Stepper(1.0), Stepper(1.0)]), init(), Snapshot("damaged", 0))


# What several cost, and what they are together


def test_tokens_and_dollars_are_counted_in_evaluations() -> None:
    assert Rates(tokens=1000, dollars=0.5).evaluations(8, tokens=3000, microusd=1_000_000) == 8 + 3 + 2
    assert Rates(tokens=0, dollars=0).evaluations(8, tokens=3000, microusd=1_000_000) == 8


def test_settings_of_several_are_named_by_their_strategy() -> None:
    assert PACKAGE.label == "+".join(find_builtin(name).label for name in ("policy", "parameters"))
    chosen = PACKAGE.settings({"policy.noise": "0.5", "parameters.startup": 3, "tokens_per_evaluation": 100})
    both = [Stepper(1.0), Stepper(1.0)]
    Session(Ensemble(PACKAGE, both), Init(5, chosen, TASK))
    assert [both[0].heard[0]["parameters"]["noise"], both[1].heard[0]["parameters"]["startup"]] == [0.5, 3]
    assert both[0].heard[0]["seed"] != both[1].heard[0]["seed"]
    with pytest.raises(StrategyError, match="no setting 'noise'"):
        PACKAGE.settings({"noise": 1})


def test_the_same_strategy_twice_is_refused() -> None:
    with pytest.raises(StrategyError, match="each once: policy and policy"):
        join([find_builtin("policy")] * 2)
    with pytest.raises(StrategyError, match="each once"):
        find_builtin("policy+policy")


def test_the_name_of_several_finds_them_again_and_another_version_is_another_digest() -> None:
    found = find_builtin(PACKAGE.name)
    assert (found.digest, [one.name for one in found.members]) == (PACKAGE.digest, ["policy", "parameters"])
    assert join([find_builtin("parameters"), find_builtin("policy")]).digest != PACKAGE.digest
    assert join([find_builtin("policy")]) == find_builtin("policy")
