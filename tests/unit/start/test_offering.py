"""Somebody at a terminal is asked whether what is missing may be installed; nobody else is."""

from __future__ import annotations

import io

import pytest

from improvement.commandline import offering
from improvement.exceptions import MissingExtra

MISSING = MissingExtra("The target pool needs sklearn.", extra="automl")


class Terminal(io.StringIO):
    """A stream that somebody sits at."""

    def isatty(self) -> bool:
        return True


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Terminal()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    monkeypatch.setattr("sys.stderr", said)
    assert not offering.accepted(MISSING)
    assert said.getvalue() == ""


def test_no_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    monkeypatch.setattr("sys.stderr", said)
    assert not offering.accepted(MISSING)
    assert said.getvalue() == "The target pool needs sklearn.\nInstall it now? [Y/n] "
