"""The files that a manifest names, one by one."""

from __future__ import annotations

from improvement.engine.globs import is_glob, path_problem
from improvement.engine.tables import Table


def checked_path(table: Table, key: str, path: str) -> str:
    """Return a path that stays in the target's folder, which ``key`` names; raises ManifestError."""
    if problem := path_problem(path):
        raise table.error(key, f'names "{path}", which {problem}. Write a path relative to the target\'s folder.')
    return path


def read_module(table: Table) -> str:
    """Read which Python file a table names as its ``module``; raises ManifestError."""
    path = checked_path(table, "module", table.text("module"))
    if not path.endswith(".py") or is_glob(path):
        raise table.error("module", f'has to be one Python file such as "evaluator.py"; found "{path}".')
    return path
