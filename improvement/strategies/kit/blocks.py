"""The EVOLVE-BLOCK ranges of a text, and the numbers that Python code has there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.edits import Places, lines_of_text

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"


def marked(text: str) -> list[range]:
    """Return the numbers, from 1, of the lines between each pair of markers; none where there are no markers."""
    found: list[range] = []
    start: int | None = None
    for number, line in enumerate(lines_of_text(text), 1):
        if START in line:
            start = number + 1
        elif END in line and start is not None:
            found.append(range(start, number))
            start = None
    return found


def changeable(text: str) -> list[range]:
    """Return the numbers of the lines that may change: those between markers, or all where there are no markers."""
    return marked(text) or [range(1, len(lines_of_text(text)) + 1)]


def lies_in(ranges: Sequence[range], node: ast.AST) -> bool:
    """Whether all lines of a node lie in one of these ranges."""
    return any(node.lineno in lines and node.end_lineno in lines for lines in ranges)


@dataclass(frozen=True)
class Number:
    """A number written out in a text: the range of its characters, and its value."""

    start: int
    end: int
    value: int | float


def numbers(text: str, lines: Sequence[range], *, signed: bool = False) -> list[Number]:
    """Return the numbers of a Python text on these lines, in order; not those in an index or an f-string.

    With `signed` a minus before a number belongs to it. Raises SyntaxError when the text is not Python.
    """
    places = Places(text)
    nodes = [node for node in _numeric(ast.parse(text), signed) if lies_in(lines, node)]
    found = [Number(*places.span(node), ast.literal_eval(node)) for node in nodes]
    return sorted(found, key=lambda number: number.start)


def _numeric(node: ast.AST, signed: bool) -> Iterator[ast.expr]:
    """Yield the numbers in a tree, without what an index or an f-string holds."""
    if isinstance(node, ast.JoinedStr):
        return
    if _is_number(node) or (signed and _is_negative(node)):
        yield node
        return
    for child in [node.value] if isinstance(node, ast.Subscript) else ast.iter_child_nodes(node):
        yield from _numeric(child, signed)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _is_negative(node: ast.AST) -> bool:
    """Whether a node is a number behind a minus, on one line."""
    is_minus = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    return is_minus and _is_number(node.operand) and node.lineno == node.end_lineno
