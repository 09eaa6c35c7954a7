"""Small edits of a text that leave everything else as it is, and where a syntax tree's nodes stand in it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise


@dataclass(frozen=True)
class Edit:
    """Replace the characters from `start` to `end` by `text`."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Sequence[Edit]) -> str:
    """Return the text with all edits made; raises ValueError when two of them touch the same characters."""
    for before, after in pairwise(sorted(edits, key=_place)):
        if before.end > after.start:
            raise ValueError("two edits overlap")
    for edit in sorted(edits, key=_place, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _place(edit: Edit) -> tuple[int, int]:
    return edit.start, edit.end


def lines_of_text(text: str) -> list[str]:
    """Return the lines with their ends, counted as the syntax tree counts them (a form feed ends no line)."""
    *lines, last = text.split("\n")
    return [line + "\n" for line in lines] + ([last] if last else [])


class Places:
    """Where things stand in a text, in characters; a syntax tree counts lines from 1 and columns in UTF-8 bytes."""

    def __init__(self, text: str) -> None:
        self.lines = lines_of_text(text)
        self._starts = [0, *accumulate(map(len, self.lines))]

    def offset(self, line: int, column: int) -> int:
        """Return the character position of a position in the tree."""
        return self._starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the first character position of a node and the one behind its last."""
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)
