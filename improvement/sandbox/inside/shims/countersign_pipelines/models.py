"""From features to an answer: the model that a pipeline names, with its calibration and the form of its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from countersign_pipelines import language as words
from countersign_pipelines.data import Data
from countersign_pipelines.features import prepared
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

INNER_FOLDS = 3
LEAST_TO_STOP_EARLY = 100
L1_SHARE = {"ridge": 0.0, "mixed": 0.5, "lasso": 1.0}

Values = dict[str, Any]


def built(values: Values, data: Data, seed: int) -> Any:
    """Return the whole pipeline for this data, to be fitted; raises PipelineError where the data does not allow it."""
    _check_fits(values, data)
    steps = prepared(values, data, seed)
    model = _MAKERS[values["model"]](values, data, seed)
    whole: Any = Pipeline([*steps, ("model", model)])
    if data.classes:
        method = values["calibrate"]
        if method == "none" and values["model"] == words.VECTORS:
            method = "sigmoid"  # its distances are no probabilities
        return whole if method == "none" else CalibratedClassifierCV(whole, method=method, cv=INNER_FOLDS)
    return _with_answer_scaled(values, whole)


def _check_fits(values: Values, data: Data) -> None:
    if values["logarithm_of_answer"] and (data.classes or data.answers.min() <= -1.0):
        raise words.PipelineError(
            "pipeline.toml: answer.logarithm_of_answer needs numbers above -1 to predict. Write false."
        )
    if not data.classes and (values["calibrate"] != "none" or values.get("balance")):
        raise words.PipelineError("pipeline.toml: answer.calibrate and answer.balance are for classes alone.")


def _with_answer_scaled(values: Values, whole: Any) -> Any:
    """Let the model learn a standardised answer, or its logarithm: widths and rates then mean the same everywhere."""
    scaling: list[tuple[str, Any]] = [("scale", StandardScaler())]
    if values["logarithm_of_answer"]:
        scaling.insert(0, ("logarithm", FunctionTransformer(np.log1p, np.expm1)))
    return TransformedTargetRegressor(whole, transformer=Pipeline(scaling), check_inverse=False)


def _weights(values: Values, data: Data) -> dict[str, Any]:
    return {"class_weight": "balanced" if values["balance"] else None} if data.classes else {}


def _linear(values: Values, data: Data, seed: int) -> Any:
    share, strength = L1_SHARE[values["penalty"]], values["strength"]
    if not data.classes:
        return Ridge(strength) if share == 0.0 else ElasticNet(strength / 1000, l1_ratio=share, max_iter=5000)
    solver = {"solver": "lbfgs"} if share == 0.0 else {"solver": "saga", "random_state": seed}
    return LogisticRegression(C=1.0 / strength, l1_ratio=share, max_iter=500, **solver, **_weights(values, data))


def _tree(values: Values, data: Data, seed: int) -> Any:
    kind = DecisionTreeClassifier if data.classes else DecisionTreeRegressor
    return kind(**_shape(values), random_state=seed, **_weights(values, data))


def _forest(values: Values, data: Data, seed: int) -> Any:
    classify, regress = {
        words.FOREST: (RandomForestClassifier, RandomForestRegressor),
        words.EXTRA: (ExtraTreesClassifier, ExtraTreesRegressor),
    }[values["model"]]
    kind = classify if data.classes else regress
    trees = {"n_estimators": values["trees"], "max_features": float(values["share"])}
    return kind(**trees, **_shape(values), random_state=seed, **_weights(values, data))


def _shape(values: Values) -> dict[str, Any]:
    return {"max_depth": values["depth"] or None, "min_samples_leaf": values["leaf"]}


def _boosting(values: Values, data: Data, seed: int) -> Any:
    kind = HistGradientBoostingClassifier if data.classes else HistGradientBoostingRegressor
    return kind(
        max_iter=values["trees"],
        learning_rate=values["rate"],
        max_leaf_nodes=values["leaves"],
        min_samples_leaf=values["leaf"],
        l2_regularization=values["shrinkage"],
        max_features=float(values["share"]),
        early_stopping=_stops_early(values, data),
        validation_fraction=0.15,
        n_iter_no_change=15,
        random_state=seed,
        **_weights(values, data),
    )


def _stops_early(values: Values, data: Data) -> bool:
    """Whether an inner part of the rows decides when to stop; of few rows none is set aside."""
    return bool(values["stop_early"]) and len(data.answers) >= LEAST_TO_STOP_EARLY


def _neighbours(values: Values, data: Data, seed: int) -> Any:
    kind = KNeighborsClassifier if data.classes else KNeighborsRegressor
    weights = {"even": "uniform", "by distance": "distance"}[values["weight"]]
    count = min(values["neighbours"], max(1, len(data.answers) // 2))
    # Not by brute force, for which scikit-learn looks into /proc, and a sandbox has none.
    return kind(count, weights=weights, metric=values["distance"], algorithm="ball_tree")


def _vectors(values: Values, data: Data, seed: int) -> Any:
    settings = {"C": values["strictness"], "gamma": 1.0 / values["width"]}
    model = SVC(**settings, **_weights(values, data)) if data.classes else SVR(**settings)
    return Pipeline([("even", Evened()), ("vectors", model)])


class Evened(TransformerMixin, BaseEstimator):
    """Features divided by the root of their number × their variance in training: a width of 1 is the usual kernel."""

    def fit(self, rows: np.ndarray, answers: Any = None) -> Evened:
        """Measure the spread of the training rows."""
        self.spread_ = float(np.sqrt(max(rows.shape[1] * rows.var(), 1e-12)))
        return self

    def transform(self, rows: np.ndarray) -> np.ndarray:
        """Return the features divided."""
        return rows / self.spread_


def _network(values: Values, data: Data, seed: int) -> Any:
    kind = MLPClassifier if data.classes else MLPRegressor
    return kind(
        hidden_layer_sizes=tuple(values["layers"]),
        activation=values["activation"],
        alpha=values["shrinkage"],
        learning_rate_init=values["rate"],
        max_iter=values["epochs"],
        early_stopping=_stops_early(values, data),
        validation_fraction=0.15,
        n_iter_no_change=15,
        random_state=seed,
    )


_MAKERS: dict[str, Callable[[Values, Data, int], Any]] = {
    words.LINEAR: _linear,
    words.TREE: _tree,
    words.FOREST: _forest,
    words.EXTRA: _forest,
    words.BOOSTING: _boosting,
    words.NEIGHBOURS: _neighbours,
    words.VECTORS: _vectors,
    words.NETWORK: _network,
}
