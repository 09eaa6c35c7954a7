"""Paths inside a target's tree: which ones are acceptable, and which ones a glob names."""

from __future__ import annotations

import re
from functools import lru_cache

_WILDCARDS = re.compile(r"[*?\[]")
_SEGMENT_PARTS = re.compile(r"\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
MAX_PATH = 512


def path_problem(path: str) -> str | None:
    """This function will say in a few words why ``path`` cannot be a file's path in a target, or None when it can."""
    if not path:
        return "is empty"
    if len(path.encode("utf-8", "surrogatepass")) > MAX_PATH:
        return f"is longer than {MAX_PATH} bytes"
    if not path.isprintable() or "\\" in path:
        return "has a backslash or an unprintable character"
    segments = path.split("/")
    if path.startswith("/") or any(segment in {"", ".", ".."} for segment in segments):
        return "is not a plain relative path such as src/model.py"
    if any(segment.lower() == ".git" for segment in segments):
        return "lies inside .git"
    return None


def is_glob(pattern: str) -> bool:
    """This function will tell whether ``pattern`` holds a wildcard, so that it can name more than one file."""
    return _WILDCARDS.search(pattern) is not None


def matches(path: str, pattern: str) -> bool:
    """This function will tell whether the glob names the path.

    ``*`` and ``?`` stay within one folder, ``**`` stands for any number of folders, ``[abc]`` for one character.
    """
    return _compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    *folders, last = pattern.split("/")
    expression = "".join("(?:[^/]+/)*" if folder == "**" else f"{_segment(folder)}/" for folder in folders)
    return re.compile(expression + (".+" if last == "**" else _segment(last)), re.DOTALL)


def _segment(text: str) -> str:
    return "".join(_expression(part) for part in _SEGMENT_PARTS.findall(text))


def _expression(part: str) -> str:
    if part == "*":
        return "[^/]*"
    if part == "?":
        return "[^/]"
    if len(part) > 1:
        return _character_class(part[1:-1])
    return re.escape(part)


def _character_class(inner: str) -> str:
    negated = inner.startswith("!")
    members = re.sub(r"([\\\[\]^&~|])", r"\\\1", inner[1:] if negated else inner)
    return f"(?!/)[{'^' if negated else ''}{members}]"
