"""The numbers that may change in editable Python files, and whether there is anything else to change there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from improvement.engine.blocks import Block, blocks
from improvement.exceptions import ManifestError

_FORM = 2
"""Whole numbers up to this one are nearly always a part of a program's form."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number written out in a program; ``marked`` says that it lies in an evolve block."""

    path: str
    line: int
    value: int | float
    marked: bool

    @property
    def has_point(self) -> bool:
        """Whether it is written with a point or an exponent."""
        return type(self.value) is float


@dataclass(frozen=True, slots=True)
class _Source:
    path: str
    tree: ast.Module
    blocks: list[Block]

    def may_change(self, node: ast.AST) -> bool:
        line = getattr(node, "lineno", 0) - 1
        return not self.blocks or any(block.start <= line < block.end for block in self.blocks)


def numbers(files: Mapping[str, str]) -> list[Number]:
    """Return the numbers that a search may change, in the order of files and lines.

    Indices, numbers in f-strings and the integers 0, 1 and 2 are left out, and so is what lies outside the evolve
    blocks of a file that has some. A file that is no Python, or no text with paired markers, has none.
    """
    return [number for source in _sources(files) for number in _of(source)]


def has_code(files: Mapping[str, str]) -> bool:
    """Tell whether what may change in Python files is more than names set to plain values."""
    return any(
        not _is_plain(statement)
        for source in _sources(files)
        for statement in source.tree.body
        if any(source.may_change(node) for node in ast.walk(statement) if hasattr(node, "lineno"))
    )


def _sources(files: Mapping[str, str]) -> Iterator[_Source]:
    for path in sorted(files):
        if path.endswith(".py"):
            with suppress(SyntaxError, ValueError, RecursionError, ManifestError):
                yield _Source(path, ast.parse(files[path]), blocks(files[path], where=path))


def _of(source: _Source) -> list[Number]:
    fixed = {id(inner) for node in ast.walk(source.tree) for inner in _fixed(node)}
    found = [
        Number(source.path, node.lineno, node.value, bool(source.blocks))
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float)
        if _is_free(node.value) and id(node) not in fixed and source.may_change(node)
    ]
    return sorted(found, key=lambda number: number.line)


def _fixed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of an index, or all of an f-string."""
    if isinstance(node, ast.Subscript):
        yield from ast.walk(node.slice)
    elif isinstance(node, ast.JoinedStr):
        yield from ast.walk(node)


def _is_free(value: float) -> bool:
    return type(value) is float or (type(value) is int and value > _FORM)


def _is_plain(statement: ast.stmt) -> bool:
    """Whether a statement only says something, or sets names to values that are written out."""
    if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr)) or statement.value is None:
        return False
    try:
        ast.literal_eval(statement.value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True
