"""After a change: bring in the functions and modules that the new text names and does not have."""

from __future__ import annotations

import ast
import builtins

from source import Edit, Source, edited, read
from statements import lines_of, whole

MODULES = ("math", "random")
ROUNDS = 4


def completed(path: str, text: str, donor: Source) -> str:
    """Return the text with the donor's functions and the standard modules that it misses; raises SyntaxError."""
    for _ in range(ROUNDS):
        source = read(path, text)
        edits = [edit for name in missing(source) if (edit := bring(name, source, donor)) is not None]
        if not edits:
            return text
        text = edited(text, [Edit(edits[0].start, edits[0].start, "".join(edit.text for edit in edits))])
    return text


def missing(source: Source) -> list[str]:
    """Return the names that are read in the part that may change and bound nowhere, by name."""
    bound = set(dir(builtins))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
    return sorted({node.id for node in source.nodes(ast.Name) if node.id not in bound})


def bring(name: str, source: Source, donor: Source) -> Edit | None:
    """Return the edit that adds what a name stands for at the head of the part that may change, if it is known."""
    home = next((node for node in source.tree.body if source.may_change(node)), None)
    if home is None:
        return None
    start = lines_of(source, home)[0]
    if name in MODULES:
        return Edit(start, start, f"import {name}\n\n")
    if name in donor.functions:
        return Edit(start, start, whole(donor, donor.functions[name]) + "\n\n")
    return None
