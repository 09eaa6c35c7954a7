"""An event has exactly one form as bytes, the one of RFC 8785."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.exceptions import LedgerError
from improvement.ledger.canonical import LARGEST_INTEGER, canonical

KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-LARGEST_INTEGER, LARGEST_INTEGER),
    st.text(st.characters(exclude_categories=["Cs"])),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
EVENTS = st.dictionaries(KEYS, VALUES, max_size=6)


@given(EVENTS)
def test_canonical_reads_back_as_the_same_event(event: dict[str, Any]) -> None:
    assert json.loads(canonical(event)) == event


@given(EVENTS)
def test_canonical_does_not_depend_on_the_order_of_keys(event: dict[str, Any]) -> None:
    assert canonical(dict(reversed(event.items()))) == canonical(event)


@given(EVENTS)
def test_canonical_is_one_line(event: dict[str, Any]) -> None:
    assert b"\n" not in canonical(event)


def test_canonical_of_the_example_in_rfc_8785_without_its_fractions() -> None:
    text = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f"
    event = {"string": text, "numbers": [333333333, 4], "literals": [None, True, False]}
    expected = '{"literals":[null,true,false],"numbers":[333333333,4],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert canonical(event) == expected.encode()


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (0.5, "event.data.x is a float"),
        (float("nan"), "event.data.x is a float"),
        (2**53, "event.data.x is too large"),
        (-(2**53), "event.data.x is too large"),
        (b"bytes", "event.data.x is a bytes"),
        ({1, 2}, "event.data.x is a set"),
        ([1, [2, {"y": 1.5}]], "event.data.x[1][1].y is a float"),
        ({"é": 1}, "has the key 'é'"),
        ({1: 1}, "has the key 1"),
        ("\ud800", "broken Unicode"),
    ],
)
def test_canonical_refuses_what_has_no_single_form(value: object, complaint: str) -> None:
    with pytest.raises(LedgerError) as refused:
        canonical({"data": {"x": value}})
    assert complaint in refused.value.message


def test_canonical_refuses_endless_nesting() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(LedgerError, match="nested too deeply"):
        canonical({"x": nested})
