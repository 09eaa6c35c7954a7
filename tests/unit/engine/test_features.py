"""The features of a manifest: what each mistake in them gives."""

from __future__ import annotations

import pytest

from improvement.engine.features import Feature, read_features
from improvement.engine.tables import Table
from improvement.exceptions import ManifestError


def table(**entries: object) -> Table:
    """Return a manifest's table of features."""
    return Table(entries, where="countersign.toml", path="features", known=None)


def test_features_are_read_in_the_order_of_the_file() -> None:
    entries = {"speed": {"low": 0, "high": 10}, "program_length": {"low": 0, "high": 4000, "cells": 8}}
    assert read_features(table(**entries)) == (
        Feature("speed", 0.0, 10.0, 10),
        Feature("program_length", 0.0, 4000.0, 8),
    )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"low": 3, "high": 1}, "countersign.toml: features.a.low has to be less than high; found 3 and 1."),
        (
            {"low": 0, "high": 1, "cells": 1},
            "countersign.toml: features.a.cells has to be a whole number from 2 to 100; found 1.",
        ),
    ],
)
def test_a_mistake_is_one_clear_line(entry: dict[str, object], said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_features(table(a=entry))
    assert caught.value.message == said


def test_too_many_places_are_refused() -> None:
    axis = {"low": 0, "high": 1, "cells": 100}
    with pytest.raises(ManifestError) as caught:
        read_features(table(a=axis, b=axis, c={"low": 0, "high": 1, "cells": 2}))
    assert caught.value.message == (
        "countersign.toml: features make 20000 places together, and 10000 is the most. Lower their cells."
    )
