"""The numbers with a point in the evolve blocks of Python files, and how to write others there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.blocks import Number, marked, numbers
from kit.edits import Edit, edited

DIGITS = 6


def find(files: Mapping[str, str]) -> list[tuple[str, Number]]:
    """Return the weights, each with its file, in the order of files and text."""
    return [(path, weight) for path in sorted(files) if path.endswith(".py") for weight in in_text(files[path])]


def in_text(text: str) -> list[Number]:
    """Return the weights of one Python file."""
    return [number for number in numbers(text, marked(text), signed=True) if type(number.value) is float]


def written(files: Mapping[str, str], values: Sequence[float]) -> dict[str, str]:
    """Return the files with other values in the places of the weights, everything else byte for byte."""
    edits: dict[str, list[Edit]] = {path: [] for path in files}
    for (path, weight), value in zip(find(files), values, strict=True):
        edits[path].append(Edit(weight.start, weight.end, shown(value)))
    return {path: edited(text, edits[path]) for path, text in files.items()}


def shown(value: float) -> str:
    """Write a value with so many digits that people can still read it."""
    return repr(float(f"{value:.{DIGITS}g}"))
