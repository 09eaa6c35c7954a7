"""Lines of source as safe HTML: syntax colours, and marks on the words that changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound

from improvement.engine.visible import visible

Piece = tuple[str, str]
Span = tuple[int, int]

MAX_HIGHLIGHTED = 400_000
_CLASSES = (
    (Token.Comment, "c"),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "m"),
    (Token.Keyword, "k"),
    (Token.Operator.Word, "k"),
    (Token.Name.Function, "nf"),
    (Token.Name.Class, "nf"),
    (Token.Name.Decorator, "nf"),
)
_WORDS = re.compile(r"\d[\w.]*|\w+|\s+|[^\w\s]")
_ALIKE = 0.35


def lines_of(path: str, text: str) -> list[list[Piece]]:
    """Return each line as pieces of (class, text); the text of a line is the join of its pieces, without its end.

    The pieces hold exactly the text's own characters, with signs for those that do not show.
    """
    text = visible(text)
    plain = text.split("\n")
    lines = _coloured(path, text) if len(text) <= MAX_HIGHLIGHTED else []
    exact = ["".join(part for _, part in line) for line in lines] == plain
    return lines if exact else [[("", line)] for line in plain]


def _coloured(path: str, text: str) -> list[list[Piece]]:
    lines: list[list[Piece]] = [[]]
    for kind, value in _lexer(path).get_tokens(text):
        name = _class_of(kind)
        for index, part in enumerate(value.split("\n")):
            if index:
                lines.append([])
            if part:
                lines[-1].append((name, part))
    return lines


def markup(pieces: Sequence[Piece], marks: Sequence[Span] = ()) -> SafeString:
    """Return a line as HTML with some spans of characters marked."""
    out, at = [], 0
    for name, text in pieces:
        for marked, part in _cut(text, at, marks):
            inner = str(escape(part))
            inner = f'<span class="{name}">{inner}</span>' if name else inner
            out.append(f"<mark>{inner}</mark>" if marked else inner)
        at += len(text)
    return mark_safe("".join(out))  # noqa: S308  every part is escaped above


_MOST_WORDS = 600
"""Longer lines get no marks: comparing them word by word takes time that grows with the square of their length."""


def changed_words(old: str, new: str) -> tuple[list[Span], list[Span]]:
    """Return the spans of two lines that differ, word by word; very long or very different lines get no marks."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if len(before) + len(after) > _MOST_WORDS:
        return [], []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return [], []
    gone: list[Span] = []
    come: list[Span] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            _add(gone, before, a, b)
            _add(come, after, c, d)
    return gone, come


def _add(spans: list[Span], words: Sequence[str], start: int, end: int) -> None:
    if start == end:
        return
    first = sum(map(len, words[:start]))
    last = first + sum(map(len, words[start:end]))
    if spans and spans[-1][1] == first:
        spans[-1] = (spans[-1][0], last)
    else:
        spans.append((first, last))


def _cut(text: str, at: int, marks: Sequence[Span]) -> list[tuple[bool, str]]:
    """Cut one piece that starts at a column where marks begin and end."""
    edges = sorted({0, len(text), *(edge - at for span in marks for edge in span if 0 < edge - at < len(text))})
    return [
        (any(start < b and a < end for a, b in [(x + at, y + at)] for start, end in marks), text[x:y])
        for x, y in pairwise(edges)
    ]


def _class_of(kind: _TokenType) -> str:
    return next((name for group, name in _CLASSES if kind in group), "")


def _lexer(path: str) -> Lexer:
    try:
        return get_lexer_for_filename(path, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)
