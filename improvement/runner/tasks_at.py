"""Targets at a commit, read from their repositories and kept for the next measurement."""

from __future__ import annotations

from functools import lru_cache

from improvement import installation
from improvement.engine.manifest import FILE_NAME, parse_manifest
from improvement.engine.measurement import Task
from improvement.targets.repository import Repository


def repository(target_name: str) -> Repository:
    """Open the repository of a target."""
    return Repository.open(installation.repository_path(target_name))


@lru_cache(maxsize=16)
def task_at(target_name: str, commit: str) -> Task:
    """Return a target at a commit; commits never change, so this is read once for each process."""
    tree = repository(target_name).read_tree(commit)
    return Task(manifest=parse_manifest(tree[FILE_NAME].decode("utf-8"), where=f"{target_name}/{FILE_NAME}"), tree=tree)
