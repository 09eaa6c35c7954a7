"""The repositories of targets."""

from __future__ import annotations

from improvement import installation
from improvement.targets.repository import Repository


def repository(target_name: str) -> Repository:
    """Open the repository of a target."""
    return Repository.open(installation.repository_path(target_name))
