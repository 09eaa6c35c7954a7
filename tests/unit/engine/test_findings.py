"""Findings in the source: what a change newly reaches for, and what it hides."""

from __future__ import annotations

import pytest

from improvement.engine.findings import Severity, in_source


def _codes(old: str, new: str) -> list[tuple[str, Severity]]:
    return [(one.code, one.severity) for one in in_source({"a.py": old}, {"a.py": new})]


@pytest.mark.parametrize(
    ("line", "code", "severity"),
    [
        ("import socket", "new_network", Severity.SECOND_PERSON),
        ("from urllib.request import urlopen", "new_network", Severity.SECOND_PERSON),
        ("import subprocess as s", "new_process", Severity.SECOND_PERSON),
        ("x.system('ls')", "new_process", Severity.SECOND_PERSON),
        ("import ctypes", "new_native", Severity.SECOND_PERSON),
        ("import pathlib", "new_files", Severity.NOTE),
        ("open('a')", "new_files", Severity.NOTE),
        ("import sys", "new_introspection", Severity.NOTE),
        ("f.__globals__", "new_introspection", Severity.NOTE),
        ("getattr(math, 'sin')", "new_introspection", Severity.NOTE),
        ("import numpy", "new_import", Severity.NOTE),
    ],
)
def test_in_source_new_reach_found(line: str, code: str, severity: Severity) -> None:
    assert _codes("x = 1\n", f"x = 1\n{line}\n") == [(code, severity)]


@pytest.mark.parametrize("call", ["getattr(math, 's' + 'in')", "getattr(math, f'{s}in')", "eval(chr(49))"])
def test_in_source_a_name_that_is_put_together_is_reported(call: str) -> None:
    assert ("computed_name", Severity.SECOND_PERSON) in _codes("", f"{call}\n")


@pytest.mark.parametrize(
    "call", ["getattr(math, name)", "setattr(self, 'x', 3)", "setattr(self, 'x', f(3))", "getattr(points[0], 'x')"]
)
def test_in_source_a_name_that_is_written_out_is_no_computed_one(call: str) -> None:
    assert "computed_name" not in dict(_codes("", f"{call}\n"))


def test_in_source_what_was_there_before_is_not_news() -> None:
    assert _codes("import socket\n", "import socket\nx = 2\n") == []


def test_in_source_ordinary_code_is_quiet() -> None:
    assert _codes("", "def f(a):\n    return re.compile(a).sub('', a)\n") == []


def test_in_source_inside_a_function_found() -> None:
    assert _codes("", "def f():\n    if 1:\n        import socket\n") == [("new_network", Severity.SECOND_PERSON)]


@pytest.mark.parametrize(
    ("character", "code"),
    [
        ("\u202e", "bidirectional"),
        ("\u2066", "bidirectional"),
        ("\u200b", "hidden"),
        ("\x1b", "hidden"),
        ("\u3164", "hidden"),
    ],
)
def test_in_source_deceiving_characters_found(character: str, code: str) -> None:
    found = in_source({"a.py": ""}, {"a.py": f"x = 'é{character}'\n"})
    assert [(one.code, one.severity) for one in found] == [(f"{code}_characters", Severity.SECOND_PERSON)]
    assert f"U+{ord(character):04X}" in found[0].text


def test_in_source_prompt_text_checked_for_characters_only() -> None:
    assert [one.code for one in in_source({}, {"prompt.md": "import socket \u200b"})] == ["hidden_characters"]


def test_in_source_broken_syntax_has_no_reach() -> None:
    assert _codes("", "def (:\n") == []
