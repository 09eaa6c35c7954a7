"""Placing a candidate on a champion that has moved: a three-way merge for changes made elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from improvement.engine.lines import Change, changes, split
from improvement.exceptions import MergeConflict


def place(base: Mapping[str, str], candidate_files: Mapping[str, str], new_base: Mapping[str, str]) -> dict[str, str]:
    """Carry the candidate's changes from ``base`` over to ``new_base``; all map path to text.

    Raises MergeConflict, naming the files, when both changed the same or neighbouring lines differently.
    """
    placed: dict[str, str] = {}
    conflicts: list[str] = []
    for path in sorted(base.keys() | candidate_files.keys() | new_base.keys()):
        try:
            text = _placed(base.get(path), candidate_files.get(path), new_base.get(path))
        except _OverlapError:
            conflicts.append(path)
            continue
        if text is not None:
            placed[path] = text
    if conflicts:
        raise MergeConflict(
            f"The champion and this candidate changed the same lines of {', '.join(conflicts)}. "
            "Make the change again on the present champion."
        )
    return placed


class _OverlapError(Exception):
    """Both sides changed the same lines."""


def _placed(base: str | None, ours: str | None, theirs: str | None) -> str | None:
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if base is None or ours is None or theirs is None:
        raise _OverlapError
    return "".join(_merged(split(base), split(ours), split(theirs)))


def _merged(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[str]:
    ours_changes, theirs_changes = changes(base, ours), changes(base, theirs)
    position = 0
    for start, end in _regions(ours_changes + theirs_changes):
        yield from base[position:start]
        our_lines = _version(ours, ours_changes, start, end)
        their_lines = _version(theirs, theirs_changes, start, end)
        if our_lines not in (their_lines, base[start:end]) and their_lines != base[start:end]:
            raise _OverlapError
        yield from their_lines if our_lines == base[start:end] else our_lines
        position = end
    yield from base[position:]


def _regions(found: list[Change]) -> list[tuple[int, int]]:
    """Join the changed stretches of the base that overlap or touch, in order."""
    regions: list[tuple[int, int]] = []
    for change in sorted(found, key=lambda each: (each.old_start, each.old_end)):
        if regions and change.old_start <= regions[-1][1]:
            regions[-1] = (regions[-1][0], max(regions[-1][1], change.old_end))
        else:
            regions.append((change.old_start, change.old_end))
    return regions


def _version(side: Sequence[str], found: list[Change], start: int, end: int) -> Sequence[str]:
    """Return one side's lines for the base's lines ``start`` to ``end``, which cut no change."""
    return side[start + _shift(found, start, inclusive=False) : end + _shift(found, end, inclusive=True)]


def _shift(found: list[Change], position: int, *, inclusive: bool) -> int:
    """Return how far a side's lines have moved against the base's before ``position``."""
    before = [each for each in found if each.old_end < position or (each.old_end == position and inclusive)]
    return sum((each.new_end - each.new_start) - (each.old_end - each.old_start) for each in before)
