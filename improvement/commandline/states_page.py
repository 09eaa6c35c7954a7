"""The page ``docs/states.md``, written from the transition tables themselves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from improvement import states
from improvement.states import Owner, Transition

State = TypeVar("State", bound=StrEnum)

_HEAD = """\
# States

Written by `python3 manage.py states` from `improvement/states.py`; change that file, not this one.

Every step below is made in one transaction together with the audit event that it names. What is not listed cannot
happen: it is refused with a conflict that says where the thing stands.

"""


def text() -> str:
    """Return the whole page."""
    return (
        _HEAD
        + _part("Candidates", states.CANDIDATE_TRANSITIONS, states.CANDIDATE_OWNERS)
        + "\n"
        + _part("Runs", states.RUN_TRANSITIONS, states.RUN_OWNERS)
    )


def _part(title: str, table: Mapping[tuple[StrEnum, StrEnum], Transition], owners: Mapping[State, Owner]) -> str:
    diagram = states.mermaid(dict(table))
    turns = "\n".join(f"| {states.words(state)} | {owner.value} |" for state, owner in owners.items())
    owner_of = {str(state): owner.value for state, owner in owners.items()}
    steps = "\n".join(
        f"| {states.words(step.source)} | {states.words(step.target)} | {owner_of[step.source]} | `{step.audit}` |"
        for step in table.values()
    )
    return (
        f"## {title}\n\n```mermaid\n{diagram}\n```\n\n"
        f"| state | whose turn it is |\n|---|---|\n{turns}\n\n"
        f"| from | to | who moves it on | audit event |\n|---|---|---|---|\n{steps}\n"
    )
