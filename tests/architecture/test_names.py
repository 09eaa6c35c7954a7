"""A module is named for what is in it."""

from __future__ import annotations

import ast

from tests.architecture import sources

DRAWERS = frozenset(
    {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "managers", "tools", "lib"}
)


def test_no_module_is_a_drawer() -> None:
    found = [
        str(source.path)
        for source in sources.of(*sources.PACKAGES, "tests", "benchmarks")
        if DRAWERS & {source.path.stem, *source.path.parent.parts}
    ]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(source.path)
        for source in sources.of(*sources.PACKAGES)
        if source.tree.body and not isinstance(getattr(source.tree.body[0], "value", None), ast.Constant)
    ]
    assert silent == []
