"""The numbers with a point in the evolve blocks of Python files, and how to write others there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
DIGITS = 6


@dataclass(frozen=True)
class Weight:
    """One number: its file, the range of bytes on its line, its value."""

    path: str
    line: int
    start: int
    end: int
    value: float


def find(files: Mapping[str, str]) -> list[Weight]:
    """Return the weights in the order of files and text."""
    return [weight for path in sorted(files) if path.endswith(".py") for weight in _in_file(path, files[path])]


def written(files: Mapping[str, str], values: Sequence[float]) -> dict[str, str]:
    """Return the files with other values in the places of the weights, everything else byte for byte."""
    changed = {path: text.encode().split(b"\n") for path, text in files.items()}
    for weight, value in reversed(list(zip(find(files), values, strict=True))):
        line = changed[weight.path][weight.line]
        changed[weight.path][weight.line] = line[: weight.start] + shown(value).encode() + line[weight.end :]
    return {path: b"\n".join(lines).decode() for path, lines in changed.items()}


def shown(value: float) -> str:
    """Write a value with so many digits that people can still read it."""
    return repr(float(f"{value:.{DIGITS}g}"))


def _in_file(path: str, text: str) -> Iterator[Weight]:
    inside = _lines_of_blocks(text)
    nodes = [node for node in ast.walk(ast.parse(text)) if _is_float(node) and node.lineno - 1 in inside]
    signs = {node.operand: node for node in nodes if isinstance(node, ast.UnaryOp)}
    outer = [node for node in nodes if node not in signs]
    for node in sorted(outer, key=lambda node: (node.lineno, node.col_offset)):
        yield Weight(path, node.lineno - 1, node.col_offset, node.end_col_offset, float(ast.literal_eval(node)))


def _is_float(node: ast.AST) -> bool:
    """Whether a node is a number with a point, on one line, with or without a minus."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _is_float(node.operand) and node.lineno == node.end_lineno
    return isinstance(node, ast.Constant) and type(node.value) is float


def _lines_of_blocks(text: str) -> set[int]:
    found: set[int] = set()
    open_at: int | None = None
    for number, line in enumerate(text.split("\n")):
        if START in line:
            open_at = number
        elif END in line and open_at is not None:
            found.update(range(open_at + 1, number))
            open_at = None
    return found
