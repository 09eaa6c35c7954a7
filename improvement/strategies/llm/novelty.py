"""Whether a program is new: equal means equal but for layout, comments and docstrings."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Mapping

WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def mark(files: Mapping[str, str]) -> str:
    """Return 32 hex digits that files have in common exactly when they do the same in the same way."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{normal(path, files[path])}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def normal(path: str, text: str) -> str:
    """Return a Python file's tree as text, and of others the lines without what stands at their end."""
    try:
        return tree_of(text) if path.endswith(".py") else lines_of(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return lines_of(text)


def tree_of(text: str) -> str:
    """Return the tree without docstrings; raises what parsing raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree, annotate_fields=False)


def lines_of(text: str) -> str:
    """Return the lines that hold anything."""
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def syntax_problem(files: Mapping[str, str]) -> str:
    """Return what is wrong with the first Python file that cannot be parsed; empty when all can."""
    for path in sorted(files):
        if path.endswith(".py"):
            try:
                tree_of(files[path])
            except SyntaxError as error:
                return f"{path}, line {error.lineno or 1}, is no valid Python: {error.msg}."
            except (ValueError, RecursionError, MemoryError):
                return f"{path} is nested too deeply, or holds too large a number, to be parsed."
    return ""
