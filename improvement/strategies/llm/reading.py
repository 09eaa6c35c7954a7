"""What a model's answer says is to be changed: SEARCH/REPLACE edits and whole files, found among whatever it talks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

SEARCH, DIVIDER, REPLACE = (
    re.compile(r"\s*<{5,9} ?SEARCH\s*$"),
    re.compile(r"\s*={5,9}\s*$"),
    re.compile(r"\s*>{5,9} ?REPLACE\s*$"),
)
FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*([^`]*)$")
SUMMARY = re.compile(r"\s*\**change\**\s*:\**\s*(.+)", re.IGNORECASE)
LOOKED_BACK = 4
"""So many lines above an edit its path may stand."""


class UnusableError(Exception):
    """An answer cannot be used; the message says what is wrong, for the model that gave it."""


@dataclass(frozen=True)
class Replacement:
    """Text to find in a file and what to put there; `path` is empty where the answer names none."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class WholeFile:
    """A file as it should be; `path` is empty where the answer names none."""

    path: str
    text: str


Edit = Replacement | WholeFile


def read(answer: str, paths: Sequence[str]) -> list[Edit]:
    """Return the edits of an answer, in order; `paths` are the files there are.

    Edits win over whole files: who gives both shows the files as an illustration. Raises UnusableError.
    """
    lines = answer.splitlines()
    edits: list[Edit] = list(replacements(lines, paths)) or list(whole_files(lines, paths))
    if not edits:
        raise UnusableError("There is no edit in the answer.")
    return edits


def summary(answer: str) -> str:
    """Return what the answer says of its change, in one line; empty where it says nothing."""
    found = (SUMMARY.match(line) for line in answer.splitlines())
    return next((match[1].strip(" *`") for match in found if match), "")


def replacements(lines: Sequence[str], paths: Sequence[str]) -> Iterator[Replacement]:
    """Yield the SEARCH/REPLACE edits; raises UnusableError for one that is not whole."""
    at, path = 0, ""
    while at < len(lines):
        if not SEARCH.match(lines[at]):
            at += 1
            continue
        path = path_above(lines, at, paths) or path
        middle, end = index_of(lines, at, DIVIDER), index_of(lines, at, REPLACE)
        if middle is None or end is None or end < middle:
            raise UnusableError("An edit has no ======= or no >>>>>>> REPLACE after its <<<<<<< SEARCH.")
        yield Replacement(path, "\n".join(lines[at + 1 : middle]), "\n".join(lines[middle + 1 : end]))
        at = end + 1


def index_of(lines: Sequence[str], after: int, wanted: re.Pattern[str]) -> int | None:
    """Return the number of the next line of a kind; None when another edit begins before, or there is none."""
    for number in range(after + 1, len(lines)):
        if wanted.match(lines[number]):
            return number
        if SEARCH.match(lines[number]):
            return None
    return None


def whole_files(lines: Sequence[str], paths: Sequence[str]) -> Iterator[WholeFile]:
    """Yield the fenced texts that are files: those with a path, and one without where there is only one file."""
    fenced = list(fences(lines))
    for start, end, label in fenced:
        path = named_in(label, paths) or path_above(lines, start, paths)
        if path or (len(fenced) == 1 and len(paths) == 1):
            yield WholeFile(path, "".join(f"{line}\n" for line in lines[start + 1 : end]))


def fences(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the first and last line of each fenced text and what its first line says; raises UnusableError."""
    opened: tuple[int, str, str] | None = None
    for number, line in enumerate(lines):
        match = FENCE.match(line)
        if match is None:
            continue
        if opened is None:
            opened = number, match[1], match[2].strip()
        elif match[1].startswith(opened[1]) and not match[2].strip():
            yield opened[0], number, opened[2]
            opened = None
    if opened is not None:
        raise UnusableError("The answer breaks off inside a file.")


def path_above(lines: Sequence[str], at: int, paths: Sequence[str]) -> str:
    """Return the file that the lines above name, the nearest first; empty when they name none."""
    for line in reversed(lines[max(0, at - LOOKED_BACK) : at]):
        if REPLACE.match(line):
            return ""
        if found := named_in(line, paths):
            return found
    return ""


def named_in(line: str, paths: Sequence[str]) -> str:
    """Return the one file whose path stands in a line; empty when there is none, or several."""
    words = set(re.split(r"[^\w./-]+", line))
    found = [path for path in paths if path in words or f"./{path}" in words or f"{path}." in words]
    return found[0] if len(found) == 1 else ""


def overlaps(edits: Sequence[Edit]) -> bool:
    """Whether two whole files are the same one."""
    whole = sorted(edit.path for edit in edits if isinstance(edit, WholeFile))
    return any(one == other for one, other in pairwise(whole))
