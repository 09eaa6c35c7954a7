"""The features that say what kind of program a candidate is: the axes of an archive with one place for each kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

from improvement.engine.tables import Table
from improvement.exceptions import ManifestError

MOST_PLACES = 10_000


@dataclass(frozen=True, slots=True)
class Feature:
    """One axis, cut into ``cells`` equal parts from ``low`` to ``high``.

    ``name`` is a metric that the evaluator answers, or ``program_length``: the characters of all editable files.
    """

    name: str
    low: float
    high: float
    cells: int

    def cell(self, value: float) -> int:
        """Return the part that a finite value lies in, from 0; what lies beyond belongs to the ends."""
        place = (value - self.low) / (self.high - self.low) * self.cells
        return min(max(math.floor(place), 0), self.cells - 1)


def read_features(table: Table) -> tuple[Feature, ...]:
    """Read the table of features, in the order of the file; raises ManifestError."""
    features = tuple(_feature(name, entry) for name, entry in table.tables(("low", "high", "cells")).items())
    places = math.prod(feature.cells for feature in features)
    if places > MOST_PLACES:
        raise ManifestError(
            f"{table.where}: features make {places} places together, and {MOST_PLACES} is the most. Lower their cells."
        )
    return features


def _feature(name: str, table: Table) -> Feature:
    table.check_identifier(name)
    low, high = float(table.number("low")), float(table.number("high"))
    if not low < high:
        raise table.error("low", f"has to be less than high; found {low:g} and {high:g}.")
    return Feature(name, low, high, table.whole("cells", 10, least=2, most=100))
