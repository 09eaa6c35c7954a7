"""Text of which people see every character: what shows nothing, or reorders what is shown, is shown by a sign."""

from __future__ import annotations

import re
import unicodedata

_UNUSUAL = re.compile(r"[^\x20-\x7e\n\t]")
_BIDIRECTIONAL = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_MARKS = "\u200e\u200f\u061c"
_BLANK = "\u034f\u115f\u1160\u2800\u3164\uffa0"
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    """Return text whose only control characters are tab and line feed.

    CR LF becomes LF; every other control character its picture (``␀``), what is invisible or changes the direction of
    writing its number (``<U+202E>``).
    """
    return _UNUSUAL.sub(_sign, text.replace("\r\n", "\n"))


def is_bidirectional(character: str) -> bool:
    """Whether a character changes the order in which others are shown."""
    return unicodedata.bidirectional(character) in _BIDIRECTIONAL or character in _MARKS


def is_hidden(character: str) -> bool:
    """Whether a character shows nothing of itself, line feeds and tabs apart."""
    if character in "\n\t" or is_bidirectional(character):
        return False
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or character in _BLANK


def lone_returns(text: str) -> int:
    """Count the carriage returns that no line feed follows: Python ends a line there, and few who show it do."""
    return text.count("\r") - text.count("\r\n")


def _sign(match: re.Match[str]) -> str:
    character = match.group()
    if not (is_hidden(character) or is_bidirectional(character)):
        return character
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"<U+{code:04X}>"
