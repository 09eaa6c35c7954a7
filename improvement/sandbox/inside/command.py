"""Any program: standard input is the channel to it, what it prints is its log; it has no channel back."""

from __future__ import annotations

import os


def command(reading: int, writing: int, arguments: list[str]) -> None:
    """Become the program of ``arguments``."""
    os.dup2(reading, 0)
    os.close(reading)
    os.close(writing)
    os.execvp(arguments[0], arguments)
