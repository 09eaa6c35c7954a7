"""What a search may set on a target: its declared parameters, or the lines of the pipeline that it may change."""

from __future__ import annotations

from improvement.engine.manifest import Manifest
from improvement.engine.pipelines import FILE_NAME, LINES, Line
from improvement.engine.space import Parameter

LOGARITHMIC_FROM = 1000.0
"""A line whose range spans this factor is looked at by its magnitude."""


def space_of(manifest: Manifest) -> tuple[Parameter, ...]:
    """Return everything that a search may set, with its range; lines of a pipeline are called ``section.name``."""
    if manifest.parameters or FILE_NAME not in manifest.edit_files:
        return manifest.parameters
    return tuple(_parameter(line) for line in LINES if not isinstance(line.default, tuple))


def _parameter(line: Line) -> Parameter:
    name = f"{line.section}.{line.name}"
    if isinstance(line.default, bool):
        return Parameter(name, "bool")
    if line.choices:
        return Parameter(name, "choice", choices=line.choices)
    ends = [end for end in (line.low, line.high, line.off) if isinstance(end, int | float)]
    low, high = float(min(ends)), float(max(ends))
    whole = isinstance(line.default, int)
    return Parameter(name, "int" if whole else "float", low, high, log=low > 0 and high >= LOGARITHMIC_FROM * low)
