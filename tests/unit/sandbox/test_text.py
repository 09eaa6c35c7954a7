"""Text from untrusted processes is safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.sandbox.text import head, readable, tail


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain\ttext\n", "plain\ttext\n"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;a title\x07done", "done"),
        (b"a\rb", "a␍b"),
        (b"a\r\nb", "a\nb"),
        (b"\x00\x08\x1b", "␀␈␛"),
        (b"\x7f", "␡"),
        ("safe\u202edrowssap".encode(), "safe<U+202E>drowssap"),
        ("zero\u200bwidth".encode(), "zero<U+200B>width"),
        (b"broken \xff", "broken \ufffd"),
        ("half \udcff", "half <U+DCFF>"),
    ],
)
def test_readable(data: bytes | str, shown: str) -> None:
    assert readable(data) == shown


@given(st.binary(max_size=300))
def test_readable_leaves_no_control_character(data: bytes) -> None:
    assert not [c for c in readable(data) if (ord(c) < 0x20 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0]


def test_tail_and_head_keep_whole_characters_within_the_bytes() -> None:
    text = "ü" * 1000
    assert tail(text, 5000) == head(text, 5000) == text
    assert len(tail(text, 101).encode()) <= 101
    assert len(head(text, 101).encode()) <= 101
    assert tail(text, 101).startswith("[earlier text cut]\nü")
    assert head(text, 101).endswith("ü\n[text cut here]")
