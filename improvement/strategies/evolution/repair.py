"""After a change: bring in the functions and modules that the new text names and does not have."""

from __future__ import annotations

import ast
import builtins

from kit.edits import Edit, edited
from source import Source, is_docstring, read
from statements import lines_of, whole

MODULES = ("math", "random")
ROUNDS = 4
BUILTINS = frozenset(dir(builtins))


def completed(path: str, text: str, donor: Source) -> str:
    """Return the text with the donor's functions and the standard modules that it misses; raises SyntaxError."""
    for _ in range(ROUNDS):
        pieces = [piece for name in missing(ast.parse(text)) if (piece := supply(name, donor))]
        source = read(path, text) if pieces else None
        home = first_place(source) if source else None
        if source is None or home is None:
            return text
        start = lines_of(source, home)[0]
        text = edited(text, [Edit(start, start, "".join(pieces))])
    return text


def first_place(source: Source) -> ast.stmt | None:
    """Return the first statement at module level that may change and that something can stand before."""
    places = source.tree.body[1:] if is_docstring(source.tree.body) else source.tree.body
    return next((node for node in places if source.may_change(node) and not is_future(node)), None)


def is_future(node: ast.stmt) -> bool:
    """Whether a statement is `from __future__ import …`, which has to come first."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def missing(tree: ast.Module) -> list[str]:
    """Return the names that are read and bound nowhere in a program, by name."""
    bound: set[str] = set()
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
    return sorted(used - bound - BUILTINS)


def supply(name: str, donor: Source) -> str:
    """Return the code that gives a name its meaning, empty when it is not known."""
    if name in MODULES:
        return f"import {name}\n\n"
    if name in donor.functions:
        return whole(donor, donor.functions[name]) + "\n\n"
    return ""
