"""The transition table: total, disjoint, recorded, and the same in the documents."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from improvement import states
from improvement.commandline import states_page
from improvement.exceptions import BadTransition
from improvement.ledger.event_types import EVENT_TYPES
from improvement.states import CandidateState, Owner, RunState, Transition

TABLES = [
    pytest.param(states.CANDIDATE_TRANSITIONS, CandidateState, id="candidates"),
    pytest.param(states.RUN_TRANSITIONS, RunState, id="runs"),
]
CANDIDATE_ENDS = {"blocked", "failed", "unconfirmed", "rejected", "superseded", "withdrawn", "expired", "rolled_back"}
RUN_ENDS = {"completed", "stopped", "failed"}


def reachable(table: Mapping[tuple[StrEnum, StrEnum], Transition], start: StrEnum) -> set[StrEnum]:
    """Return every state that can come after a state, itself included."""
    found, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        following = {target for source, target in table if source == here} - found
        found |= following
        ahead += following
    return found


def test_every_candidate_state_has_exactly_one_owner() -> None:
    assert set(states.CANDIDATE_OWNERS) == set(CandidateState)


def test_every_run_state_has_exactly_one_owner() -> None:
    assert set(states.RUN_OWNERS) == set(RunState)


@pytest.mark.parametrize(("table", "kind"), TABLES)
def test_every_transition_is_between_states_of_its_kind(table: Mapping, kind: type[StrEnum]) -> None:
    assert {(row.source, row.target) for row in table.values()} == set(table)
    assert {type(state) for pair in table for state in pair} == {kind}


@pytest.mark.parametrize(("table", "kind"), TABLES)
def test_every_transition_is_recorded_as_a_known_event(table: Mapping, kind: type[StrEnum]) -> None:
    assert {row.audit for row in table.values()} - set(EVENT_TYPES) == set()


@pytest.mark.parametrize(("table", "kind"), TABLES)
def test_no_state_leads_to_itself(table: Mapping, kind: type[StrEnum]) -> None:
    assert [pair for pair in table if pair[0] == pair[1]] == []


@pytest.mark.parametrize(
    ("table", "start"),
    [(states.CANDIDATE_TRANSITIONS, CandidateState.PROPOSED), (states.RUN_TRANSITIONS, RunState.DRAFT)],
)
def test_every_state_can_be_reached(table: Mapping, start: StrEnum) -> None:
    assert reachable(table, start) == set(type(start))


def test_what_nobody_owns_has_ended() -> None:
    leaving = {source for source, _ in states.CANDIDATE_TRANSITIONS}
    assert set(CandidateState) - leaving == CANDIDATE_ENDS
    ended = {state for state, owner in states.CANDIDATE_OWNERS.items() if owner is Owner.NOBODY}
    assert ended == CANDIDATE_ENDS | {"released"}, "a released candidate can only be rolled back"


def test_a_run_that_nobody_owns_has_ended() -> None:
    leaving = {source for source, _ in states.RUN_TRANSITIONS}
    assert set(RunState) - leaving == RUN_ENDS - {RunState.COMPLETED}, "a larger budget lets a completed run go on"
    assert {state for state, owner in states.RUN_OWNERS.items() if owner is Owner.NOBODY} == RUN_ENDS


@pytest.mark.parametrize("state", [state for state in CandidateState if state not in CANDIDATE_ENDS])
def test_every_candidate_that_goes_on_can_end(state: CandidateState) -> None:
    assert reachable(states.CANDIDATE_TRANSITIONS, state) & CANDIDATE_ENDS


def test_only_an_approved_candidate_is_released() -> None:
    before = {source for source, target in states.CANDIDATE_TRANSITIONS if target is CandidateState.RELEASED}
    assert before == {CandidateState.APPROVED}


def test_only_a_reviewed_candidate_is_approved() -> None:
    before = {source for source, target in states.CANDIDATE_TRANSITIONS if target is CandidateState.APPROVED}
    assert before == {CandidateState.IN_REVIEW}


def test_what_was_put_aside_as_impossible_only_comes_back_by_a_person() -> None:
    after = {row.audit for row in states.CANDIDATE_TRANSITIONS.values() if row.source is CandidateState.QUARANTINED}
    assert after == {"candidate.cleared", "review.rejected"}
    assert EVENT_TYPES["candidate.cleared"].people_only


@pytest.mark.parametrize(("source", "target"), sorted(states.CANDIDATE_TRANSITIONS))
def test_a_candidate_moves_along_the_table(source: CandidateState, target: CandidateState) -> None:
    assert states.check_candidate_transition(source, target) == states.CANDIDATE_TRANSITIONS[source, target]


@pytest.mark.parametrize("source", list(CandidateState))
def test_a_candidate_moves_nowhere_else(source: CandidateState) -> None:
    for target in (one for one in CandidateState if (source, one) not in states.CANDIDATE_TRANSITIONS):
        with pytest.raises(
            BadTransition, match=f"is {states.words(source)}, so it cannot become {states.words(target)}"
        ):
            states.check_candidate_transition(source, target)


@pytest.mark.parametrize(("source", "target"), sorted(states.RUN_TRANSITIONS))
def test_a_run_moves_along_the_table(source: RunState, target: RunState) -> None:
    assert states.check_run_transition(source, target) == states.RUN_TRANSITIONS[source, target]


@pytest.mark.parametrize("source", list(RunState))
def test_a_run_moves_nowhere_else(source: RunState) -> None:
    for target in (one for one in RunState if (source, one) not in states.RUN_TRANSITIONS):
        with pytest.raises(
            BadTransition, match=f"is {states.words(source)}, so it cannot become {states.words(target)}"
        ):
            states.check_run_transition(source, target)


@pytest.mark.parametrize(("table", "kind"), TABLES)
def test_the_diagram_shows_every_transition(table: Mapping, kind: type[StrEnum]) -> None:
    first, *rows = states.mermaid(table).splitlines()
    assert first == "stateDiagram-v2"
    assert [row.strip() for row in rows] == [f"{s.value} --> {t.value}: {row.audit}" for (s, t), row in table.items()]


def test_the_page_of_states_is_what_the_tables_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "states.md"
    assert page.read_text(encoding="utf-8") == states_page.text(), "run `python3 manage.py states`"
