"""Where the search begins: pipelines that did well on many data sets, the cheap and the strong ones first."""

from __future__ import annotations

from collections.abc import Mapping

from kit.pipelines import BOOSTING, EXTRA, FOREST, LINEAR, NEIGHBOURS, NETWORK, VECTORS, Value, completed

FIRST: tuple[Mapping[str, Value], ...] = (
    {"model": LINEAR, "strength": 10.0},
    {"model": VECTORS, "strictness": 8.0},
    {"model": BOOSTING, "trees": 120, "rate": 0.08, "leaves": 12, "leaf": 8, "shrinkage": 0.3},
    {"model": NETWORK, "layers": (100,), "rate": 0.003, "shrinkage": 0.1, "stop_early": False},
    {"model": EXTRA, "trees": 100, "share": 0.3, "leaf": 2},
    {"model": NEIGHBOURS, "neighbours": 9, "weight": "by distance"},
    {"model": LINEAR, "strength": 1.0, "products": "pairs", "penalty": "ridge", "scale": "ranks"},
    {"model": FOREST, "trees": 100, "share": 0.3, "leaf": 2},
    {"model": VECTORS, "strictness": 2.0, "width": 3.0, "scale": "ranks"},
    {"model": LINEAR, "strength": 100.0, "logarithm": "skewed numbers"},
    {"model": NETWORK, "layers": (64, 32), "rate": 0.01, "shrinkage": 1.0, "activation": "tanh", "stop_early": False},
    {"model": BOOSTING, "trees": 300, "rate": 0.03, "leaves": 6, "leaf": 15, "share": 0.5, "categories": "order"},
)


def portfolio() -> list[dict[str, Value]]:
    """Return the first pipelines, each with every line of its model."""
    return [completed(one) for one in FIRST]
