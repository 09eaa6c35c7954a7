"""Only services write: nobody else changes a row, and the web layer does not even ask the tables."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture import sources
from tests.architecture.sources import Source

WRITERS = frozenset(
    {"create", "bulk_create", "get_or_create", "update_or_create", "bulk_update", "save", "delete", "update"}
)
MAY_WRITE = ("improvement/services/", "improvement/events.py")
"""Services, and the numbered events that they record through."""


def test_only_services_write() -> None:
    found = [
        place
        for source in sources.of("improvement", "webapp")
        if not source.path.as_posix().startswith(MAY_WRITE)
        for place in _writes(source)
    ]
    assert found == []


def test_only_services_set_a_state() -> None:
    found = [
        f"{source.path}:{node.lineno}"
        for source in sources.of("improvement", "webapp")
        if not source.path.as_posix().startswith(MAY_WRITE)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr == "state" and not _is_self(target)
    ]
    assert found == []


def test_the_web_layer_asks_selectors_not_tables() -> None:
    found = [
        f"{source.path}:{node.lineno}"
        for source in sources.of("webapp")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr == "objects"
    ]
    assert found == []


def test_a_write_outside_services_would_be_found() -> None:
    text = "Run.objects.filter(pk=1).update(state='paused')\nrun.save()\nhashlib.sha256().update(b'x')\n"
    assert list(_writes(Source(Path("webapp/views/x.py"), text, ast.parse(text)))) == [
        "webapp/views/x.py:1 update",
        "webapp/views/x.py:2 save",
    ]


def _writes(source: Source) -> Iterator[str]:
    """Give each call that writes rows: of a queryset (``x.objects...update()``), or ``save`` of anything."""
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS):
            continue
        if _on_queryset(node.func.value) or node.func.attr == "save":
            yield f"{source.path.as_posix()}:{node.lineno} {node.func.attr}"


def _on_queryset(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr == "objects" for part in ast.walk(node))


def _is_self(target: ast.Attribute) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == "self"
