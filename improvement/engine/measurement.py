"""What one sandboxed measurement needs and what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from improvement.engine.manifest import Manifest


class Stage(StrEnum):
    """Why an evaluation is made; only ``MEASURE`` counts against a run's budget."""

    SCREEN = "screen"
    MEASURE = "measure"
    CONFIRM = "confirm"
    HOLDOUT = "holdout"


class Outcome(StrEnum):
    """How a measurement ended."""

    OK = "ok"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Task:
    """A target at one commit, as the sandbox needs it: the manifest and the whole tree, path to bytes."""

    manifest: Manifest
    tree: Mapping[str, bytes]

    @cached_property
    def evaluator_digest(self) -> str:
        """SHA-256 (hex) over every file that is not editable: evaluator, holdout, fixtures and manifest."""
        digest = hashlib.sha256()
        for path in sorted(self.tree):
            if not self.manifest.is_editable(path):
                digest.update(f"{path}\0{len(self.tree[path])}\0".encode())
                digest.update(self.tree[path])
        return digest.hexdigest()

    @cached_property
    def editable(self) -> dict[str, str]:
        """The editable files of this commit, path to text."""
        named = (path for path in sorted(self.tree) if self.manifest.is_editable(path))
        return {path: self.tree[path].decode("utf-8") for path in named}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One evaluation's answer. Times in seconds, memory in MB, ``level`` the sandbox level (0 to 3)."""

    outcome: Outcome
    cause: str
    message: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    feedback: str = ""
    log: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    level: int = 0
    isolation: str = "separate"
    evaluator_digest: str = ""
