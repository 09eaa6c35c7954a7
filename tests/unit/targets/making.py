"""Repositories for tests, and the real git beside them."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from improvement.targets.repository import Author, Repository

ALICE = Author("alice", "alice@example.org")
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
TREE = {"a.py": b"x = 1\n", "data/b.bin": b"\xff\x00", "data/deep/c.txt": b""}


def repository(path: Path) -> Repository:
    return Repository.create(path, TREE, message="Import\n", author=ALICE, when=NOON)


def child(repo: Repository, base: str, text: str) -> str:
    changes = {"a.py": text.encode()}
    return repo.commit(base, changes, message=f"Change to {text}\n", author=ALICE, when=NOON)


def git(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git apart from whatever the machine's own configuration says."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    someone = ["-c", "user.name=bob", "-c", "user.email=bob@example.org", "-c", "init.defaultBranch=main"]
    command = ["git", *someone, *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **alone}, capture_output=True, text=True, check=check, timeout=60
    )
