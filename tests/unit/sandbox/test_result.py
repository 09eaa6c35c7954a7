"""Strict reading: what an untrusted process wrote is one plain JSON value, or it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.sandbox.result import MAX_DEPTH, MAX_DIGITS, BadResult, read

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(plain)
def test_read_returns_what_was_written(value: Any) -> None:
    assert read(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"NaN", "NaN is not a JSON number"),
        (b'{"score": Infinity}', "Infinity is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"1e999", "too large"),
        (b'{"a": 1, "a": 2}', "same key twice"),
        (b'{"a": {"b": 1, "b": 2}}', "same key twice"),
        (b'{"score": 1} {"score": 2}', "not JSON"),
        (b'{"score": 1}garbage', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b"'score'", "not JSON"),
        (b'"\x1b[2J"', "not JSON"),
        (b"9" * (MAX_DIGITS + 1), "digits"),
        (b"[" * 100_000 + b"]" * 100_000, "levels deep"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "levels deep"),
        (b"[" * 100_000, "levels deep"),
        (b'"' + b"x" * (5 << 20) + b'"', "larger than"),
    ],
)
def test_read_refuses(data: bytes, reason: str) -> None:
    with pytest.raises(BadResult, match=reason):
        read(data)


def test_read_counts_no_brackets_inside_strings() -> None:
    value = {"text": "[" * 1000 + '\\"{"', "more": ["]}" * 1000]}
    assert read(json.dumps(value).encode()) == value


def test_read_accepts_the_deepest_allowed_value() -> None:
    assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(BadResult):
        read(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_read_accepts_a_whole_surrogate_pair() -> None:
    assert read(b'"\\ud83d\\ude00"') == "😀"
