"""Appending needs one row, never goes back in time, and gives the tree that the verifier builds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.exceptions import LedgerError
from improvement.ledger.head import Head
from improvement.ledger.merkle import EMPTY_ROOT, Tree, leaf_hash
from tests.unit.ledger.story import LOG, SYSTEM

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
RUN = {"kind": "run", "id": "R-7"}


def test_an_empty_log_has_the_empty_root() -> None:
    assert Head(LOG).root() == EMPTY_ROOT


def test_an_entry_holds_the_bytes_and_their_hash() -> None:
    head, entry = Head(LOG).append(now=NOON, type="run.started", actor=SYSTEM, subject=RUN)
    assert (entry.seq, entry.ts, entry.leaf) == (0, "2026-05-01T12:00:00.000000Z", leaf_hash(entry.line))
    assert json.loads(entry.line)["subject"] == RUN
    assert head == Head(LOG, 1, entry.leaf, entry.ts)


@given(st.lists(st.integers(-100, 100), max_size=40))
def test_time_never_goes_back_and_the_root_is_the_trees(steps: list[int]) -> None:
    head, entries, now = Head(LOG), [], NOON
    for step in steps:
        now += timedelta(seconds=step)
        head, entry = head.append(now=now, type="run.started", actor=SYSTEM, subject=RUN)
        entries.append(entry)
    assert [entry.ts for entry in entries] == sorted(entry.ts for entry in entries)
    assert [entry.seq for entry in entries] == list(range(len(steps)))
    assert head.root() == Tree(entry.leaf for entry in entries).root()


def test_a_refused_event_leaves_the_head_as_it_was() -> None:
    head = Head(LOG)
    with pytest.raises(LedgerError):
        head.append(now=NOON, type="run.failed", actor=SYSTEM, subject=RUN)
    assert head == Head(LOG)


def test_a_damaged_head_is_refused() -> None:
    with pytest.raises(LedgerError, match="head is damaged"):
        Head(LOG, 3, bytes(32)).append(now=NOON, type="run.started", actor=SYSTEM, subject=RUN)
