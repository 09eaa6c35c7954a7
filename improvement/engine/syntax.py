"""Texts without what does not matter: two files with the same normal form do the same."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
import warnings
from collections.abc import Callable, Mapping

from improvement.engine.canonical import canonical, without_words


def syntax_digest(files: Mapping[str, str]) -> str:
    """Return the SHA-256 (hex) of files (path to text) in canonical form: equal ones do the same."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path, _form(path, files[path], canonical)):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()


def normal_form(path: str, text: str) -> str:
    """Return a Python file's syntax tree as text; of other files the lines without trailing space.

    Python that cannot be parsed is treated like any other text. Indentation is kept: it can carry meaning.
    """
    return _form(path, text, without_words)


def _form(path: str, text: str, brought: Callable[[ast.Module], ast.Module]) -> str:
    if path.endswith(".py"):
        try:
            return ast.dump(brought(parse_python(text)), annotate_fields=False)
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
