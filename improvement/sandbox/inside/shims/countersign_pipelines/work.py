"""How much a pipeline computes, counted from what was fitted: the same on every machine, unlike a clock.

A step is about a nanosecond's work. The counts rank pipelines; they promise no seconds.
"""

from __future__ import annotations

import math
from typing import Any

from countersign_pipelines import language as words
from countersign_pipelines.data import Data
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor

NETWORK_PASSES = 0.6
LINEAR_ROUNDS = 60
KERNEL_ROUNDS = 0.5
SPLIT_STEPS = 8
TO_BEGIN, FOR_A_TREE, FOR_A_ROUND = 15e6, 1.5e6, 0.3e6
"""Steps that a fit, a tree of a forest, and a round of boosting take whatever the data."""


def row_work(fitted: Any, values: dict[str, Any], data: Data) -> float:
    """Return the steps for one row: its features, then the model, for each copy that calibration keeps."""
    return sum(_features(one) + _answer(one, values, data) for one in _copies(fitted))


def fitting_work(fitted: Any, values: dict[str, Any], data: Data) -> float:
    """Return the steps for fitting once on the whole data."""
    rows = len(data.answers)
    return sum(TO_BEGIN + rows * _features(one) + _fitting(one, values, data, rows) for one in _copies(fitted))


def _copies(fitted: Any) -> list[Any]:
    if isinstance(fitted, CalibratedClassifierCV):
        return [inner.estimator for inner in fitted.calibrated_classifiers_]
    return [fitted.regressor_ if isinstance(fitted, TransformedTargetRegressor) else fitted]


def _features(pipeline: Any) -> float:
    return float(sum(getattr(step, "n_features_in_", 0) or 0 for _, step in pipeline.steps))


def _model(pipeline: Any) -> tuple[Any, int]:
    """Return the model itself and the number of its features."""
    model = pipeline.steps[-1][1]
    return (model[-1], model[-1].n_features_in_) if hasattr(model, "steps") else (model, model.n_features_in_)


def _outputs(data: Data) -> int:
    return data.classes if data.classes > 2 else 1


def _answer(pipeline: Any, values: dict[str, Any], data: Data) -> float:
    model, features = _model(pipeline)
    name = values["model"]
    if name == words.LINEAR:
        return features * _outputs(data)
    if name == words.TREE:
        return model.get_depth()
    if name in words.FORESTS:
        return sum(tree.get_depth() for tree in model.estimators_)
    if name == words.BOOSTING:
        return model.n_iter_ * _outputs(data) * math.log2(values["leaves"] + 1)
    if name == words.NEIGHBOURS:
        return model.n_samples_fit_ * features
    if name == words.VECTORS:
        return model.support_vectors_.shape[0] * features
    return sum(weights.size for weights in model.coefs_)


def _fitting(pipeline: Any, values: dict[str, Any], data: Data, rows: int) -> float:
    model, features = _model(pipeline)
    name, deep = values["model"], math.log2(rows + 2)
    if name == words.LINEAR:
        rounds = LINEAR_ROUNDS * (10 if values["penalty"] != "ridge" else 1)
        return rows * features * _outputs(data) * rounds
    if name == words.TREE:
        return rows * features * deep * SPLIT_STEPS
    if name in words.FORESTS:
        tried = max(1.0, features * values["share"])
        steps = rows * tried * deep * (SPLIT_STEPS if name == words.FOREST else 2)
        return len(model.estimators_) * (steps + FOR_A_TREE)
    if name == words.BOOSTING:
        steps = rows * features * values["share"] + values["leaves"] * features * 64
        return model.n_iter_ * _outputs(data) * (steps + FOR_A_ROUND)
    if name == words.NEIGHBOURS:
        return rows * rows * features / 4
    if name == words.VECTORS:
        return rows * rows * features * KERNEL_ROUNDS
    return model.n_iter_ * rows * sum(weights.size for weights in model.coefs_) * NETWORK_PASSES
