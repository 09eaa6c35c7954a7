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


def test_only_the_transition_table_moves_a_candidate_or_a_run() -> None:
    found = [
        place
        for source in sources.of("improvement/services", "improvement/events.py")
        if source.path.name != "transitions.py"
        for place in _moves(source)
    ]
    assert found == []


def test_a_move_past_the_table_would_be_found() -> None:
    text = "run.state = 'x'\nCandidate.objects.filter(pk=1).update(state='x')\nRun.objects.update(told=True)\n"
    assert list(_moves(Source(Path("x.py"), text, ast.parse(text)))) == ["x.py:1", "x.py:2"]


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


def _moves(source: Source) -> Iterator[str]:
    """Give each place that sets the state of candidates or runs: by ``update(state=...)`` or by assignment."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            named = {part.id for part in ast.walk(node.func.value) if isinstance(part, ast.Name)}
            if named & {"Candidate", "Run"} and any(keyword.arg == "state" for keyword in node.keywords):
                yield f"{source.path}:{node.lineno}"
        elif isinstance(node, ast.Assign):
            targets = [part for target in node.targets for part in ast.walk(target)]
            if any(
                isinstance(part, ast.Attribute)
                and part.attr == "state"
                and isinstance(part.value, ast.Name)
                and part.value.id in {"candidate", "run", "replaced"}
                for part in targets
            ):
                yield f"{source.path}:{node.lineno}"


def _on_queryset(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr == "objects" for part in ast.walk(node))


def _is_self(target: ast.Attribute) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == "self"
