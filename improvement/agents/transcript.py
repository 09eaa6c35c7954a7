"""What an agent did, in order: what it reached or tried to reach, and what it printed."""

from __future__ import annotations

import threading
import time

from improvement.sandbox.text import readable

MOST_LINES = 2_000
MOST_LETTERS = 300


class Attempts:
    """A list of lines with the seconds at which each was written; any thread may write."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lines: list[str] = []
        self._more = 0
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Add a line; what an agent chose of it is made safe to show."""
        shown = " ".join(readable(line).split())[:MOST_LETTERS]
        with self._lock:
            if len(self._lines) < MOST_LINES:
                self._lines.append(f"{time.monotonic() - self._began:7.1f} s  {shown}")
            else:
                self._more += 1

    def text(self) -> str:
        """Return all lines."""
        with self._lock:
            more = [f"and {self._more} more"] if self._more else []
            return "\n".join([*self._lines, *more])
