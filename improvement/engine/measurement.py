"""What one sandboxed measurement needs and what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from improvement.engine.cascade import Step
from improvement.engine.manifest import FILE_NAME, Manifest
from improvement.engine.stages import Stage

__all__ = ["EVALUATOR_CHANGED", "TAMPERED", "Measurement", "Outcome", "Stage", "Step", "Task"]

MOST_TEXT = 500_000
TAMPERED, EVALUATOR_CHANGED = "tampered", "evaluator_changed"
"""Causes of a failed measurement that say more of the candidate, or of this machine, than that something broke."""


class Outcome(StrEnum):
    """How a measurement ended; what was dropped missed a stage or could not come near the champion any more."""

    OK = "ok"
    FAILED = "failed"
    DROPPED = "dropped"
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
        for path in sorted(self.uneditable):
            digest.update(f"{path}\0{len(self.tree[path])}\0".encode())
            digest.update(self.tree[path])
        return digest.hexdigest()

    @property
    def stream_window(self) -> int:
        """How many labels of its stream say how this target does; 0 where it follows none."""
        return self.manifest.stream.window if self.manifest.stream else 0

    @cached_property
    def uneditable(self) -> dict[str, bytes]:
        """Every file that is not editable: evaluator, holdout, fixtures and manifest."""
        return {path: data for path, data in self.tree.items() if not self.manifest.is_editable(path)}

    @cached_property
    def visible(self) -> dict[str, bytes]:
        """The files beside the editable ones that the manifest lets a candidate read."""
        return {path: data for path, data in self.tree.items() if self.manifest.is_visible(path)}

    @cached_property
    def editable(self) -> dict[str, str]:
        """The editable files of this commit, path to text."""
        named = (path for path in sorted(self.tree) if self.manifest.is_editable(path))
        return {path: self.tree[path].decode("utf-8") for path in named}

    @cached_property
    def protected_texts(self) -> dict[str, str]:
        """The files that score a candidate, as far as they are text of a readable size, path to text."""
        texts = {}
        for path, data in self.uneditable.items():
            if path != FILE_NAME and len(data) <= MOST_TEXT:
                with suppress(UnicodeDecodeError):
                    texts[path] = data.decode("utf-8")
        return texts

    def changes(self, files: Mapping[str, str]) -> dict[str, bytes | None]:
        """Return what turns this tree into one with exactly these editable files; ``None`` removes one."""
        gone: dict[str, bytes | None] = {path: None for path in self.editable if path not in files}
        return gone | {path: text.encode("utf-8") for path, text in files.items()}

    def with_files(self, files: Mapping[str, str]) -> dict[str, bytes]:
        """Return the whole tree with exactly these editable files: what is measured and what is released."""
        tree = {**self.tree, **self.changes(files)}
        return {path: data for path, data in tree.items() if data is not None}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One evaluation's answer. Times in seconds, memory in MB, ``level`` the sandbox level (0 to 3).

    ``steps`` says what came of each of its parts, as far as it went.
    """

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
    steps: tuple[Step, ...] = ()
