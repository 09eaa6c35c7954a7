"""When a request is worth another try, and how long to wait before it."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

TRIES = 5
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
_WORTH_ANOTHER = frozenset({408, 409, 425, 429})


def worth_another_try(status: int) -> bool:
    """Tell whether a server that answers with this status may answer otherwise soon."""
    return status in _WORTH_ANOTHER or status >= 500


def pause(tried: int, *, asked: float | None, spread: float) -> float:
    """Return the seconds to wait after so many tries.

    Exponential with jitter: ``spread`` (0 to 1) says where in the second half. Never less than the server asks for.
    """
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**tried)
    return max(longest * (0.5 + 0.5 * spread), asked or 0.0)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header (RFC 9110, 10.2.3): seconds, or a date; ``None`` for what is neither."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds())
