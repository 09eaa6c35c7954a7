"""Files and functions that a person can read in one go."""

from __future__ import annotations

import ast

from tests.architecture import sources

FILE_LINES = 400
WHOLE = frozenset({"improvement/ledger/verify.py"})
"""An auditor copies this one file elsewhere and runs it alone."""
FUNCTION_LINES = 60
EVERYTHING = (*sources.PACKAGES, "tests", "benchmarks")


def test_no_file_has_more_than_400_lines() -> None:
    long = {source.path.as_posix(): source.lines for source in sources.of(*EVERYTHING) if source.lines > FILE_LINES}
    assert {path: lines for path, lines in long.items() if path not in WHOLE} == {}


def test_no_function_has_more_than_60_lines() -> None:
    long = {
        f"{source.path}:{node.name}": _length(node)
        for source in sources.of(*EVERYTHING)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _length(node) > FUNCTION_LINES
    }
    assert long == {}


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1
