"""Text of which every character shows."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.engine.visible import lone_returns, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x = 1\n\ty\n", "x = 1\n\ty\n"),
        ("größer → 日本 🙂", "größer → 日本 🙂"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a␍b"),
        ("\x1b[2J\x00\x7f", "␛[2J␀␡"),
        ("a\u202eb\u2066c", "a<U+202E>b<U+2066>c"),
        ("a\u200bb\ufeffc\u2028d\u3164e", "a<U+200B>b<U+FEFF>c<U+2028>d<U+3164>e"),
        ("a\x0cb\x85c", "a␌b<U+0085>c"),
    ],
)
def test_what_does_not_show_is_shown_by_a_sign(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(max_size=200))
def test_nothing_invisible_is_left_and_lines_keep_their_number(text: str) -> None:
    shown = visible(text)
    assert not [one for one in shown if unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp"} and one not in "\n\t"]
    assert shown.count("\n") == text.count("\n")
    assert visible(shown) == shown


@pytest.mark.parametrize(("text", "count"), [("a\r\nb\r\n", 0), ("a\rb", 1), ("a\r\r\nb\r", 2)])
def test_lone_returns_are_counted(text: str, count: int) -> None:
    assert lone_returns(text) == count
