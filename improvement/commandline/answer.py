"""What an action answers: one JSON value for programs, and the same as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """``value`` is what ``--json`` prints, ``lines`` what people read; ``ok`` decides the exit status, 0 or 1."""

    value: Any
    lines: Sequence[str]
    ok: bool = True
