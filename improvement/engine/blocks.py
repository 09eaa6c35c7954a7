"""EVOLVE-BLOCK markers: the parts of a file that may change when not all of it may.

A marker is a comment line, ``# EVOLVE-BLOCK-START`` or ``// EVOLVE-BLOCK-START``, and likewise ``-END``.
The convention is OpenEvolve's; there the markers only ask, here they are enforced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from improvement.engine.lines import split
from improvement.exceptions import ManifestError

_MARKER = re.compile(r"\s*(?:#|//)\s*EVOLVE-BLOCK-(START|END)\b")


@dataclass(frozen=True, slots=True)
class Block:
    """One editable part: lines ``start`` to ``end`` (not included), from 0, without the two marker lines."""

    start: int
    end: int


def blocks(text: str, *, where: str = "the file") -> list[Block]:
    """Find the blocks of a text, in order; a text without markers has none.

    Raises ManifestError when a block begins inside another, ends without having begun, or never ends.
    """
    found: list[Block] = []
    begun: int | None = None
    for number, line in enumerate(split(text), start=1):
        match = _MARKER.match(line)
        if match is None:
            continue
        starts = match[1] == "START"
        if starts != (begun is None):
            raise ManifestError(_unpaired(where, number, starts=starts))
        if begun is None:
            begun = number
        else:
            found.append(Block(begun, number - 1))
            begun = None
    if begun is not None:
        raise ManifestError(f"{where}, line {begun}: EVOLVE-BLOCK-START has no EVOLVE-BLOCK-END after it. Add one.")
    return found


def outside_blocks_changed(old_text: str, new_text: str) -> bool:
    """Tell whether a change reaches outside the old text's blocks; without blocks all may change.

    The marker lines themselves are outside. Raises ManifestError when the old text's markers do not pair up.
    """
    if not blocks(old_text):
        return False
    try:
        return fixed_text(old_text) != fixed_text(new_text)
    except ManifestError:
        return True


def fixed_text(text: str) -> list[str]:
    """Return the stretches of text around the blocks, markers included: one more than blocks."""
    lines = split(text)
    edges = [0, *(edge for block in blocks(text) for edge in (block.start, block.end)), len(lines)]
    return ["".join(lines[begin:end]) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _unpaired(where: str, number: int, *, starts: bool) -> str:
    if starts:
        return f"{where}, line {number}: EVOLVE-BLOCK-START inside a block that has not ended. End that block first."
    return (
        f"{where}, line {number}: EVOLVE-BLOCK-END without EVOLVE-BLOCK-START before it. Add the start, or remove it."
    )
