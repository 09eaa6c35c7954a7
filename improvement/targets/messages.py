"""Commit messages with trailers, as git reads and writes them (git-interpret-trailers(1))."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TRAILER = re.compile(r"([A-Za-z][A-Za-z0-9-]*): (.*)")


def with_trailers(subject: str, body: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a commit message: one subject line, a body, and the trailers as its last paragraph."""
    paragraphs = [_one_line(subject) or "Change", body.strip()]
    trailers = "\n".join(f"{key}: {_one_line(value)}" for key, value in pairs)
    return "\n\n".join(part for part in [*paragraphs, trailers] if part) + "\n"


def trailers(message: str) -> dict[str, list[str]]:
    """Return the trailers of a commit message, each key with its values in their order."""
    last = message.strip().split("\n\n")[-1].splitlines() if "\n\n" in message.strip() else []
    matches = [_TRAILER.fullmatch(line) for line in last]
    if not matches or not all(matches):
        return {}
    found: dict[str, list[str]] = {}
    for match in matches:
        if match is not None:
            found.setdefault(match[1], []).append(match[2])
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
