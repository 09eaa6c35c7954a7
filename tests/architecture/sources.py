"""The project's own Python files, read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("bootstrap", "webapp", "improvement")


@dataclass(frozen=True)
class Source:
    """One file: its path below the project, its text, its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())


@cache
def read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(PROJECT), text, ast.parse(text, filename=str(path)))


def of(*roots: str) -> Iterator[Source]:
    """Give every Python file below these folders, migrations left out: a tool writes them."""
    for root in roots:
        for path in sorted(Path(PROJECT, root).rglob("*.py")):
            if "migrations" not in path.parts and "__pycache__" not in path.parts:
                yield read(path)
