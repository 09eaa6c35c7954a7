"""At most so many requests a minute to one model, over all processes of the installation.

The generic cell rate algorithm (ITU-T I.371): one moment is kept, in a small locked file, at which the next request is
due if they came evenly. Requests may be ahead of it by ten seconds' worth.
"""

from __future__ import annotations

import fcntl
import math
from pathlib import Path

from improvement.exceptions import ModelFailed

AHEAD_SECONDS = 10.0


class Pace:
    """The turns of one model; ``file`` is where the processes that share them count."""

    def __init__(self, requests_per_minute: int, file: Path) -> None:
        self._per_minute = requests_per_minute
        self._interval = 60.0 / requests_per_minute
        self._file = file

    def reserve(self, *, now: float, most: float) -> float:
        """Take the next turn and return the seconds until it; raises ``ModelFailed`` when that is more than ``most``.

        ``now`` is a wall clock in seconds. A turn that comes too late is not taken.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            due = self._due(file.read(), now)
            wait = max(0.0, due - now - max(0.0, AHEAD_SECONDS - self._interval))
            if wait > most:
                raise ModelFailed(
                    f"No turn was free in time: {self._per_minute} requests a minute are allowed for this model. Allow "
                    "more, or more seconds."
                )
            file.truncate(0)
            file.write(repr(due + self._interval))
        return wait

    def _due(self, kept: str, now: float) -> float:
        """Return when the next request is due; a clock that was set back does not block the model for long."""
        try:
            due = float(kept or 0)
        except ValueError:
            due = 0.0
        return min(max(due, now), now + 3600.0) if math.isfinite(due) else now
