"""Edits put into files: found exactly, or but for indentation and spaces; never outside the markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.blocks import marked
from kit.edits import lines_of_text
from reading import Edit, Replacement, UnusableError, overlaps

QUOTED = 300


def applied(files: Mapping[str, str], edits: Sequence[Edit]) -> dict[str, str]:
    """Return the files with all edits made, in their order; raises UnusableError, which says what to do instead."""
    if overlaps(edits):
        raise UnusableError("The answer holds the same file twice.")
    changed = dict(files)
    for edit in edits:
        path = edit.path or owner(changed, edit)
        if isinstance(edit, Replacement):
            changed[path] = replaced(path, changed[path], edit)
        else:
            changed[path] = fitted(path, files[path], edit.text)
    for path, text in changed.items():
        check_outside(path, files[path], text)
    if changed == dict(files):
        raise UnusableError("The edits change nothing.")
    return changed


def owner(files: Mapping[str, str], edit: Edit) -> str:
    """Return the file that an edit without a path belongs to."""
    if len(files) == 1:
        return next(iter(files))
    holding = [path for path, text in files.items() if isinstance(edit, Replacement) and windows(text, edit.old)]
    if len(holding) != 1:
        raise UnusableError("Write the path of its file on the line above each edit.")
    return holding[0]


def replaced(path: str, text: str, edit: Replacement) -> str:
    """Return a text with one edit made; an empty search part replaces an empty file."""
    if not edit.old.strip():
        if text.strip():
            raise UnusableError(f"The SEARCH part of an edit of {path} is empty.")
        return edit.new + "\n"
    found = windows(text, edit.old)
    if len(found) == 1:
        return swapped(text, found[0], edit)
    if not found:
        raise UnusableError(f"These lines are not in {path}:\n{edit.old[:QUOTED]}\nCopy the SEARCH part from the file.")
    raise UnusableError(
        f"These lines are in {path} {len(found)} times:\n{edit.old[:QUOTED]}\nAdd lines around them to the SEARCH part."
    )


def windows(text: str, wanted: str) -> list[range]:
    """Return the ranges of lines, from 0, that equal the wanted lines; if none does, those equal but for spaces."""
    lines = [line.rstrip("\r\n") for line in lines_of_text(text)]
    searched = wanted.strip("\n").split("\n")
    exact = matches(lines, searched)
    return exact or matches([squeezed(line) for line in lines], [squeezed(line) for line in searched])


def matches(lines: Sequence[str], searched: Sequence[str]) -> list[range]:
    """Return where the searched lines stand."""
    count = len(searched)
    starts = range(len(lines) - count + 1)
    return [range(start, start + count) for start in starts if lines[start : start + count] == list(searched)]


def squeezed(line: str) -> str:
    """Return a line without what layout alone decides."""
    return " ".join(line.split())


def swapped(text: str, where: range, edit: Replacement) -> str:
    """Return the text with these lines replaced, indented as the old ones were."""
    lines = lines_of_text(text)
    old, new = edit.old.strip("\n").split("\n"), edit.new.strip("\n")
    shift = indent(lines[where.start]) - indent(old[0])
    fresh = [shifted(line, shift) + "\n" for line in new.split("\n")] if new else []
    return "".join([*lines[: where.start], *fresh, *lines[where.stop :]])


def indent(line: str) -> int:
    """Return how many spaces a line begins with."""
    return len(line) - len(line.lstrip(" "))


def shifted(line: str, shift: int) -> str:
    """Return a line moved to the right, or to the left as far as it has spaces."""
    if not line.strip():
        return line
    return " " * shift + line if shift >= 0 else line[min(-shift, indent(line)) :]


def fitted(path: str, base: str, new: str) -> str:
    """Return a whole new file; where the base has markers, only what is between them is taken.

    An answer without markers stands for the inside of the one block that there is.
    """
    here, there = marked(base), marked(new)
    if not here:
        return new
    if len(there) == len(here):
        return spliced(base, [inside(new, lines) for lines in there])
    if not there and len(here) == 1:
        return spliced(base, [lines_of_text(new)])
    raise UnusableError(f"Keep the lines with EVOLVE-BLOCK-START and EVOLVE-BLOCK-END of {path} as they are.")


def spliced(base: str, contents: Sequence[Sequence[str]]) -> str:
    """Return the base with other contents between its markers."""
    lines, found, at = lines_of_text(base), [], 0
    for block, content in zip(marked(base), contents, strict=True):
        found += [*lines[at : block.start - 1], *content]
        at = block.stop - 1
    return "".join([*found, *lines[at:]])


def inside(text: str, lines: range) -> list[str]:
    """Return some lines of a text, counted from 1."""
    return lines_of_text(text)[lines.start - 1 : lines.stop - 1]


def check_outside(path: str, base: str, new: str) -> None:
    """Raise UnusableError when a change reaches outside the markers."""
    if not marked(base) or new == base:
        return
    if len(marked(new)) != len(marked(base)) or bare(new) != bare(base):
        raise UnusableError(
            f"In {path} only the lines between EVOLVE-BLOCK-START and EVOLVE-BLOCK-END may change, not those lines."
        )


def bare(text: str) -> str:
    """Return a text with nothing between its markers."""
    return spliced(text, [[] for _ in marked(text)])
