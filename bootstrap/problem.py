"""The one error of this package."""

from __future__ import annotations


class Problem(Exception):
    """Something a person has to change first; the message is one sentence that says what."""
