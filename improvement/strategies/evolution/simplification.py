"""Making a program shorter to read as a change: constants computed beforehand, and what can be left out of it."""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Iterator
from functools import lru_cache

from kit.edits import Edit, edited
from literals import written
from member import changed_letters
from scope import is_math, is_number
from source import Source, is_python, read

SUMS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
NEUTRAL = {ast.Add: 0, ast.Sub: 0, ast.Mult: 1, ast.Div: 1}
"""What leaves a number as it is on the right of an operation; for sums and products on the left, too."""

ROUNDS = 8


def folded(path: str, text: str, base: str) -> str:
    """Return a text without the calculations with nothing but numbers, on lines that the text `base` has not."""
    for _ in range(ROUNDS):
        edit = next(foldings(read(path, text), set(base.splitlines())), None)
        if edit is None:
            break
        text = edited(text, [edit])
    return text


def foldings(source: Source, kept: set[str]) -> Iterator[Edit]:
    """Yield the edits that put results in the place of calculations, outermost first."""
    for node in source.nodes(ast.BinOp, ast.UnaryOp, ast.Call):
        if changed_line(source, node, kept) and (text := shorter(source, node)) is not None:
            start, end = bracketed(source, node)
            yield Edit(start, end, text)


def bracketed(source: Source, node: ast.expr) -> tuple[int, int]:
    """Return the character range of a node with the brackets around it, but not those of a call."""
    (start, end), text = source.span(node), source.text
    while text[start - 1] == "(" and text[end : end + 1] == ")" and not is_word(text[start - 2]):
        start, end = start - 1, end + 1
    return start, end


def is_word(letter: str) -> bool:
    """Whether a bracket behind this letter may call something."""
    return letter.isalnum() or letter in "_)]"


def shorter(source: Source, node: ast.expr) -> str | None:
    """Return what a calculation comes to, None where that takes more than its text."""
    if isinstance(node, ast.UnaryOp) and is_number(node.operand):
        return None
    value = constant(node)
    if value is not None:
        return written(value)
    if isinstance(node, ast.BinOp) and type(node.op) in NEUTRAL:
        neutral = NEUTRAL[type(node.op)]
        if constant(node.right) == neutral:
            return source.operand(node.left)
        if constant(node.left) == neutral and isinstance(node.op, (ast.Add, ast.Mult)):
            return source.operand(node.right)
    return None


def constant(node: ast.expr) -> int | float | None:
    """Return what numbers written out come to, None where names are read or there is no finite result."""
    if is_number(node):
        return node.value
    parts: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and type(node.op) in SUMS:
        parts, compute = [node.left, node.right], SUMS[type(node.op)]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        parts, compute = [node.operand], operator.neg
    elif is_math(node) and not node.keywords:
        parts, compute = node.args, getattr(math, node.func.attr, None)
    values = [constant(part) for part in parts]
    if not parts or None in values or not callable(compute):
        return None
    try:
        value = compute(*values)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return value if type(value) in (int, float) and math.isfinite(value) else None


def changed_line(source: Source, node: ast.AST, kept: set[str]) -> bool:
    """Whether a node begins on a line that is not among those kept."""
    return source.lines[node.lineno - 1].rstrip("\n") not in kept


@lru_cache(maxsize=8)
def simplified(path: str, text: str, base: str) -> tuple[str, ...]:
    """Return programs with one piece of the change from `base` to `text` taken back, those with least to read first."""
    tried = dict.fromkeys([*taken_back(text, base), *cut_down(read(path, text), base)])
    letters = {other: changed_letters(base, other) for other in tried if is_python(other)}
    now = changed_letters(base, text)
    return tuple(sorted((other for other in letters if letters[other] < now), key=letters.__getitem__))


def taken_back(text: str, base: str) -> list[str]:
    """Return the texts in which one group of changed lines, or one new line, is as it was."""
    old, new = base.splitlines(keepends=True), text.splitlines(keepends=True)
    found = []
    for step, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if step != "equal":
            found.append("".join([*new[:c], *old[a:b], *new[d:]]))
            found += ["".join([*new[:line], *new[line + 1 :]]) for line in range(c, d) if d - c > 1]
    return found


def cut_down(source: Source, base: str) -> list[str]:
    """Return the texts in which one changed expression is no more than a part of it."""
    kept = set(base.splitlines())
    return [
        edited(source.text, [source.replace(node, source.operand(part))])
        for node in source.nodes(ast.BinOp, ast.IfExp, ast.Call)
        if changed_line(source, node, kept)
        for part in parts_of(node)
    ]


def parts_of(node: ast.expr) -> list[ast.expr]:
    """Return the parts of an expression that could stand for all of it."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    plain = isinstance(node, ast.Call) and not node.keywords and not any(isinstance(a, ast.Starred) for a in node.args)
    return node.args if plain and len(node.args) <= 2 else []
