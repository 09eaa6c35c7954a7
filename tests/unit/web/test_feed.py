"""Live events as lines: every kind says something, and what candidates say stays text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from improvement.states import RunState
from webapp.presenters import feed
from webapp.templatetags.countersign import linked

AT = "2026-11-23T12:00:00+00:00"


def test_an_event_with_a_sentence_shows_it() -> None:
    line = feed.line(
        {"run": 7, "number": 3, "kind": "candidate.rejected", "at": AT, "id": 12, "text": "bob rejected C-12"}
    )
    assert (line.number, line.tone, line.icon, line.text) == (3, "bad", "x", "bob rejected C-12")
    assert line.at == datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.DRAFT])
def test_a_change_of_state_is_put_into_words(state: RunState) -> None:
    event = {"run": 7, "number": 1, "kind": "state", "at": AT, "state": state.value, "reason": "because"}
    text = feed.text_of(event)
    assert text.startswith("this run ")
    assert text.endswith(": because")


def test_an_event_that_only_carries_numbers_says_nothing() -> None:
    assert feed.text_of({"run": 7, "number": 1, "kind": "unheard-of", "at": AT}) == ""


def test_the_script_gets_the_events_own_fields_and_how_its_line_looks() -> None:
    event = {
        "run": 7,
        "number": 3,
        "kind": "candidate.measured",
        "at": AT,
        "id": 12,
        "x": 4,
        "y": 1.5,
        "text": "C-12 measured",
    }
    assert feed.as_json(event) == {**event, "tone": "", "icon": "circle"}


def test_candidates_and_runs_become_links_and_everything_else_stays_text() -> None:
    assert linked("<b>C-12</b> beat C-7 in R-3; C-x and XC-1 did not") == (
        '&lt;b&gt;<a href="/candidates/12/">C-12</a>&lt;/b&gt; beat <a href="/candidates/7/">C-7</a>'
        ' in <a href="/runs/3/">R-3</a>; C-x and XC-1 did not'
    )
