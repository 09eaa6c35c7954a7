"""What somebody with access to the machine can do past the program."""

from __future__ import annotations

import pygit2
from django.utils import timezone

from improvement import installation
from improvement.models import Target
from improvement.runner.repositories import repository
from tests.factories import SOMEBODY


def delete_branch(on: Target) -> None:
    """Delete the branch of a target past the program."""
    pygit2.Repository(str(installation.repository_path(on.name))).references.delete("refs/heads/main")


def forge_head(on: Target) -> str:
    """Move the branch of a target past the program, and return where it is."""
    repo = repository(on.name)
    before = repo.head()
    forged = repo.commit(before, {"NOTES": b"Forged.\n"}, message="Forged", author=SOMEBODY, when=timezone.now())
    repo.advance(forged, expected=before)
    return forged
