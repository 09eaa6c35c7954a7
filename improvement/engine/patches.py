"""Patches: the difference between two sets of files in one canonical form, and the digests that people sign."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from improvement.engine.blocks import Block, blocks, outside_blocks_changed
from improvement.engine.lines import Change, changes, split
from improvement.engine.merging import place

__all__ = [
    "Block",
    "blocks",
    "diff_stats",
    "files_digest",
    "outside_blocks_changed",
    "patch_digest",
    "place",
    "unified_diff",
]

CONTEXT = 3
_NO_NEWLINE = "\\ No newline at end of file\n"


def files_digest(files: Mapping[str, str]) -> str:
    """Return the SHA-256 (hex) of a set of files: each path and text with its length in bytes."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path].encode()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def unified_diff(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Write what changed between two sets of files (path to text) as one patch for ``git apply``.

    The same two sets always give the same patch: paths in order, three lines of context, no times, no hashes.
    """
    return "".join(
        _file_diff(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    )


def patch_digest(base: Mapping[str, str], files: Mapping[str, str]) -> str:
    """Return the SHA-256 (hex) of the canonical patch from ``base`` to ``files``."""
    return hashlib.sha256(unified_diff(base, files).encode()).hexdigest()


def diff_stats(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[int, int]:
    """Count the lines added and removed between two sets of files."""
    added = removed = 0
    for path in old.keys() | new.keys():
        for change in changes(split(old.get(path, "")), split(new.get(path, ""))):
            added += change.new_end - change.new_start
            removed += change.old_end - change.old_start
    return added, removed


def _file_diff(path: str, old: str | None, new: str | None) -> str:
    old_lines, new_lines = split(old or ""), split(new or "")
    hunks = "".join(_hunk(group, old_lines, new_lines) for group in _groups(changes(old_lines, new_lines)))
    names = f"--- {_label('a', path, old)}\n+++ {_label('b', path, new)}\n" if hunks else ""
    return f"diff --git {_quoted(f'a/{path}')} {_quoted(f'b/{path}')}\n{_mode(old, new)}{names}{hunks}"


def _mode(old: str | None, new: str | None) -> str:
    if old is None:
        return "new file mode 100644\n"
    return "deleted file mode 100644\n" if new is None else ""


def _label(side: str, path: str, text: str | None) -> str:
    if text is None:
        return "/dev/null"
    name = _quoted(f"{side}/{path}")
    return f"{name}\t" if " " in path and name[0] != '"' else name


def _quoted(name: str) -> str:
    """Quote a path as git does where it holds a quotation mark."""
    return '"' + name.replace('"', '\\"') + '"' if '"' in name else name


def _groups(found: list[Change]) -> Iterator[list[Change]]:
    """Gather the changes whose context would touch: each group is one hunk."""
    group: list[Change] = []
    for change in found:
        if group and change.old_start - group[-1].old_end > 2 * CONTEXT:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _hunk(group: list[Change], old: Sequence[str], new: Sequence[str]) -> str:
    lead = min(CONTEXT, group[0].old_start)
    tail = min(CONTEXT, len(old) - group[-1].old_end)
    old_start, old_end = group[0].old_start - lead, group[-1].old_end + tail
    new_start, new_end = group[0].new_start - lead, group[-1].new_end + tail
    header = f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@\n"
    return header + "".join(_marked(sign, line) for sign, line in _body(group, old, new, old_start, old_end))


def _body(
    group: list[Change], old: Sequence[str], new: Sequence[str], start: int, end: int
) -> Iterator[tuple[str, str]]:
    for change in group:
        yield from ((" ", line) for line in old[start : change.old_start])
        yield from (("-", line) for line in old[change.old_start : change.old_end])
        yield from (("+", line) for line in new[change.new_start : change.new_end])
        start = change.old_end
    yield from ((" ", line) for line in old[start:end])


def _marked(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{_NO_NEWLINE}"


def _range(start: int, end: int) -> str:
    """Write a range of lines as diff does: from 1, and an empty one by the line before it."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
