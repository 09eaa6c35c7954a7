"""How sentences count things."""

from __future__ import annotations


def counted(many: int, one: str, several: str = "") -> str:
    """Return a number with its noun: 1 run, 3 runs, 1,200 entries."""
    return f"{many:,} {one if many == 1 else several or one + 's'}"
