"""Commit messages, and the trailers (``Key: value`` lines) at their end, read and written as git does.

Source: git-interpret-trailers(1), as ``git log --format=%(trailers)`` applies it (no divider, the last paragraph).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from improvement.exceptions import TargetError

_TRAILER = re.compile(r"([A-Za-z0-9-]+)[ \t]*:(.*)", re.DOTALL)
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_MADE_BY_GIT = ("Signed-off-by: ", "(cherry picked from commit ")


def trailers(message: str) -> dict[str, list[str]]:
    """This function will read the trailers of a commit message, key to values in their order.

    A last paragraph counts when all its lines are trailers, or a quarter of them and one that git itself writes.
    """
    found: dict[str, list[str]] = {}
    lines = _unfolded(_last_paragraph(message))
    pairs = [match for line in lines if (match := _TRAILER.fullmatch(line))]
    if len(pairs) < len(lines) and not _is_mixed_block(lines, len(pairs)):
        return {}
    for match in pairs:
        found.setdefault(match[1], []).append(match[2].strip())
    return found


def with_trailers(subject: str, body: str, pairs: Iterable[tuple[str, str]]) -> str:
    """This function will compose a commit message whose trailers are exactly ``pairs``.

    Line breaks in the subject and in values become spaces, so no text can add a trailer of its own; an empty subject
    becomes "Change". Raises TargetError for a key that is not letters, digits and ``-``.
    """
    title = _one_line(subject) or "Change"
    text = "\n".join(_harmless(line) for line in body.splitlines()).strip("\n")
    block = "\n".join(f"{_checked(key)}: {_one_line(value)}" for key, value in pairs)
    return "\n\n".join(part for part in (title, text, block) if part) + "\n"


def _last_paragraph(message: str) -> list[str]:
    """This function will return the last paragraph's lines without comments; the title is never a trailer."""
    lines = [line for line in message.rstrip().split("\n") if not line.startswith("#")]
    last_blank = max((at for at, line in enumerate(lines) if not line.strip()), default=None)
    return [] if last_blank is None else lines[last_blank + 1 :]


def _unfolded(lines: list[str]) -> list[str]:
    joined: list[str] = []
    for line in lines:
        if joined and line[0] in " \t":
            joined[-1] = f"{joined[-1]} {line.strip()}"
        else:
            joined.append(line)
    return joined


def _is_mixed_block(lines: list[str], pairs: int) -> bool:
    recognised = sum(line.startswith(_MADE_BY_GIT) for line in lines)
    known = max(pairs, recognised)
    return recognised > 0 and known * 3 >= len(lines) - known


def _harmless(line: str) -> str:
    """This function will indent what some tools take for the start of a patch or for a trailer of ours."""
    return f" {line}".rstrip() if line.startswith("---") or _TRAILER.fullmatch(line) else line.rstrip()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise TargetError(f"{key[:40]!a} cannot be a trailer's name. Use letters, digits and -.")
    return key
