"""Texts without what does not matter: two files with the same normal form do the same."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
import warnings
from collections.abc import Mapping

_WITH_DOCSTRING = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def syntax_digest(files: Mapping[str, str]) -> str:
    """Return the SHA-256 (hex) of files (path to text) without comments, docstrings and layout."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path, normal_form(path, files[path])):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()


def normal_form(path: str, text: str) -> str:
    """Return a Python file's syntax tree as text; of other files the lines without trailing space.

    Python that cannot be parsed is treated like any other text. Indentation is kept: it can carry meaning.
    """
    if path.endswith(".py"):
        try:
            return _tree_text(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def parse_python(text: str) -> ast.Module:
    """Parse Python text; raises what ``ast.parse`` raises, never a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def comment_lines(text: str) -> set[int]:
    """Return the numbers (from 1) of the lines of Python text that hold a comment."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0] for token in tokens if token.type == tokenize.COMMENT}


def _tree_text(text: str) -> str:
    tree = parse_python(text)
    for node in ast.walk(tree):
        if isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Constant):
            node.kind = None
    return ast.dump(tree, annotate_fields=False)
