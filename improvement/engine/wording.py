"""How sentences count and list things."""

from __future__ import annotations

from collections.abc import Sequence


def counted(many: int, one: str, several: str = "") -> str:
    """Return a number with its noun: 1 run, 3 runs, 1,200 entries."""
    return f"{many:,} {one if many == 1 else several or one + 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Return names as a sentence lists them: a; a and b; a, b and c."""
    *others, final = names
    return f"{', '.join(others)} {last} {final}" if others else final
