"""The reasons that people type: needed, and of a length that others can read."""

from __future__ import annotations

from improvement.exceptions import Invalid

LONGEST = 4000


def checked(reason: str, *, needed: str = "") -> str:
    """Return a reason without outer spaces; raises ``Invalid`` (with ``needed``) when it is empty, or when too long."""
    text = reason.strip()
    if needed and not text:
        raise Invalid(needed)
    if len(text) > LONGEST:
        raise Invalid(f"The reason has {len(text)} characters; keep it under {LONGEST}.")
    return text
