"""Signs that a program knows its answer instead of computing it, found without running anything."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from improvement.engine.findings import Finding, Severity
from improvement.engine.wording import counted

MANY_NUMBERS = 16
LONG_TEXT = 200
TELLING_DIGITS = 5  # a number with so many significant digits is hardly there by chance
TELLING_TEXT = 12
FEW_SHARED = 2
_SECRETS = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("an access key of AWS", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a token of GitHub", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b")),
    ("a key of a model provider", re.compile(r"\b(?:sk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}|xai-[A-Za-z0-9]{40,})\b")),
    ("a key of Google", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    ("a token of Slack", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}\b")),
)
_DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict)


def known_answers(old: Mapping[str, str], new: Mapping[str, str], protected: Mapping[str, str]) -> tuple[Finding, ...]:
    """Report what in the new files looks like an answer that is written down, or like a secret.

    ``old``, ``new`` and ``protected`` (the files that score it) are path to text.
    """
    found: list[Finding] = []
    for path in sorted(new):
        before, after = old.get(path, ""), new[path]
        if after == before:
            continue
        found += _secrets(path, before, after)
        trees = _parsed(before), _parsed(after)
        if path.endswith(".py") and trees[1] is not None:
            empty = ast.Module([], [])
            found += _of_program(path, trees[0] or empty, trees[1], protected)
    return tuple(found)


def _of_program(path: str, before: ast.Module, after: ast.Module, protected: Mapping[str, str]) -> Iterator[Finding]:
    table = max(_tables(after) - _tables(before), default=0)
    if table >= MANY_NUMBERS:
        text = f"{path} holds a new table of {table} numbers: the answer may be written down instead of computed."
        yield Finding("answer_table", Severity.SECOND_PERSON, text)
    longest = max((len(one) for one in _texts(after) - _texts(before)), default=0)
    if longest >= LONG_TEXT:
        text = f"{path} holds a new text of {longest:,} characters: data may be written down in it."
        yield Finding("answer_text", Severity.SECOND_PERSON, text)
    fixed = sorted(name for name in _fixed(after) - _fixed(before) if name in _functions(before))
    if fixed:
        text = f"{path}: {', '.join(fixed)} now returns something fixed, whatever it is given."
        yield Finding("answer_fixed", Severity.SECOND_PERSON, text)
    yield from _shared(path, _telling(after) - _telling(before), protected)


def _shared(path: str, values: set[str], protected: Mapping[str, str]) -> Iterator[Finding]:
    for other in sorted(protected):
        tree = _parsed(protected[other]) if other.endswith(".py") else None
        known = _telling(tree) if tree is not None else {one for one in values if one in protected[other]}
        shared = sorted(values & known, key=lambda one: (-len(one), one))
        if len(shared) >= FEW_SHARED or any(len(one) >= 2 * TELLING_TEXT for one in shared):
            few = "it" if len(shared) == 1 else "them"
            text = (
                f"{path} newly holds {counted(len(shared), 'value')} of {other}, such as {shared[0][:40]}: "
                f"expected answers may have been copied, and the champion does without {few}."
            )
            yield Finding("answer_copied", Severity.SECOND_PERSON, text)


def _secrets(path: str, before: str, after: str) -> Iterator[Finding]:
    for what, pattern in _SECRETS:
        if set(pattern.findall(after)) - set(pattern.findall(before)):
            text = f"{path} holds what looks like {what}: it must not get into a commit."
            yield Finding("secret", Severity.BLOCK, text)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _tables(tree: ast.Module) -> Counter[int]:
    """Count the displays (lists, tuples, …) of a program by how many numbers each holds."""
    return Counter(
        sum(_number(inner) is not None for inner in ast.walk(node))
        for node in ast.walk(tree)
        if isinstance(node, _DISPLAYS)
    )


def _number(node: ast.AST) -> int | float | None:
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        return None
    return node.value if isinstance(node.value, int | float) else None


def _texts(tree: ast.Module) -> set[str]:
    docs = {id(doc) for node in ast.walk(tree) if (doc := _docstring(node)) is not None}
    return {
        str(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in docs
    }


def _docstring(node: ast.AST) -> ast.Constant | None:
    if not isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or not node.body:
        return None
    first = node.body[0]
    return first.value if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else None


def _telling(tree: ast.Module) -> set[str]:
    """Return the values that are hardly in two programs by chance: long numbers and texts, as they are written."""
    numbers = {repr(abs(value)) for node in ast.walk(tree) if (value := _number(node)) is not None}
    telling = {one for one in numbers if len(re.sub(r"e.*|[^0-9]", "", one).strip("0")) >= TELLING_DIGITS}
    return telling | {one for one in _texts(tree) if len(one) >= TELLING_TEXT}


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _fixed(tree: ast.Module) -> set[str]:
    """Return the functions that only return a value made of literals."""
    return {name for name, node in _functions(tree).items() if _returns_literal(node)}


def _returns_literal(node: ast.FunctionDef) -> bool:
    body = node.body[1:] if _docstring(node) is not None else node.body
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        return False
    try:
        ast.literal_eval(body[0].value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
