"""Paths inside a target's tree: which ones are acceptable, and which ones a glob names."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

MAX_PATH = 512
_WILDCARDS = re.compile(r"[*?\[]")


def path_problem(path: str) -> str | None:
    """Say in a few words why ``path`` cannot be a file's path in a target, or None when it can."""
    if not path:
        return "is empty"
    if not path.isprintable() or "\\" in path:
        return "has a backslash or an unprintable character"
    if len(path.encode()) > MAX_PATH:
        return f"is longer than {MAX_PATH} bytes"
    segments = path.split("/")
    if any(segment in {"", ".", ".."} for segment in segments):
        return "is not a plain relative path such as src/model.py"
    if any(segment.lower() == ".git" for segment in segments):
        return "lies inside .git"
    return None


def is_glob(pattern: str) -> bool:
    """Tell whether ``pattern`` holds a wildcard, so that it can name more than one file."""
    return _WILDCARDS.search(pattern) is not None


def matches(path: str, pattern: str) -> bool:
    """Tell whether the glob names the path; letters count as upper and lower case.

    ``*`` and ``?`` stay within one folder, ``[abc]`` is one character, ``**`` any number of folders, and at the end
    everything below. The time is bounded by the product of the folders of both.
    """
    segments = path.split("/")
    *folders, last = pattern.split("/")
    begins = {0}
    for folder in folders:
        if folder == "**":
            begins = set(range(min(begins), len(segments)))
        else:
            begins = {at + 1 for at in begins if at < len(segments) - 1 and fnmatchcase(segments[at], folder)}
        if not begins:
            return False
    if last == "**":
        return True
    return len(segments) - 1 in begins and fnmatchcase(segments[-1], last)
