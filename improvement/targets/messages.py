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
    """Read the trailers of a commit message, key to values in their order.

    A last paragraph counts when all its lines are trailers, or a quarter of them and one that git itself writes.
    """
    entries = _entries(_last_paragraph(message))
    found: dict[str, list[str]] = {}
    if _is_trailer_block(entries):
        for match in filter(None, (_TRAILER.fullmatch(entry) for entry in entries)):
            found.setdefault(match[1], []).append(match[2].strip())
    return found


def with_trailers(subject: str, body: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Compose a commit message whose trailers are exactly ``pairs``.

    Line breaks in the subject and in values become spaces, so no text can add a trailer of its own; an empty subject
    becomes "Change". Raises TargetError for a key that is not letters, digits and ``-``.
    """
    title = _one_line(subject) or "Change"
    text = "\n".join(_harmless(line) for line in body.splitlines()).strip("\n")
    block = "\n".join(f"{_checked(key)}: {_one_line(value)}" for key, value in pairs)
    return "\n\n".join(part for part in (title, text, block) if part) + "\n"


def _last_paragraph(message: str) -> list[str]:
    """Return the last paragraph's lines without comments; the title is never a trailer."""
    lines = [line for line in message.rstrip().split("\n") if not line.startswith("#")]
    last_blank = max((at for at, line in enumerate(lines) if not line.strip()), default=None)
    return [] if last_blank is None else lines[last_blank + 1 :]


def _entries(lines: list[str]) -> list[str]:
    """Join indented lines to the trailer above them; elsewhere each line stands alone."""
    entries: list[str] = []
    for line in lines:
        if line[0] in " \t" and entries and _is_known(entries[-1]):
            entries[-1] = f"{entries[-1]} {line.strip()}"
        else:
            entries.append(line)
    return entries


def _is_trailer_block(entries: list[str]) -> bool:
    others = sum(not _is_known(entry) for entry in entries)
    made_by_git = any(entry.startswith(_MADE_BY_GIT) for entry in entries)
    return others == 0 or (made_by_git and (len(entries) - others) * 3 >= others)


def _is_known(entry: str) -> bool:
    return entry.startswith(_MADE_BY_GIT) or _TRAILER.fullmatch(entry) is not None


def _harmless(line: str) -> str:
    """Indent what some tools take for the start of a patch or for a trailer of ours."""
    return f" {line}".rstrip() if line.startswith("---") or _TRAILER.fullmatch(line) else line.rstrip()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise TargetError(f"{key[:40]!a} cannot be a trailer's name. Use letters, digits and -.")
    return key
