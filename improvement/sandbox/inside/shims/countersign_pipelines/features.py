"""From columns to features: what the sections [features], [preprocess] and [select] of a pipeline ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from countersign_pipelines.data import CATEGORY, DATE, NUMBER, TEXT, Data
from countersign_pipelines.language import PipelineError
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectPercentile, VarianceThreshold, f_classif, f_regression
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

MOST_FEATURES = 4000
SKEWED = 1.0
OWN = "(missing)"
SCALERS = {
    "none": lambda: "passthrough",
    "standard": StandardScaler,
    "robust": RobustScaler,
    "range": MinMaxScaler,
}


class Logarithm(TransformerMixin, BaseEstimator):
    """The signed logarithm of columns: of all, or of those whose training values are skewed."""

    def __init__(self, *, only_skewed: bool) -> None:
        self.only_skewed = only_skewed

    def fit(self, rows: Any, answers: Any = None) -> Logarithm:
        """Find the skewed columns."""
        values = np.asarray(rows, dtype=float)
        spread = np.nanstd(values, axis=0)
        third = np.nanmean((values - np.nanmean(values, axis=0)) ** 3, axis=0)
        skewness = np.divide(third, spread**3, out=np.zeros_like(third), where=spread > 0)
        self.taken_ = np.abs(skewness) > SKEWED if self.only_skewed else np.ones(values.shape[1], dtype=bool)
        return self

    def transform(self, rows: Any) -> np.ndarray:
        """Return the columns with the logarithm taken."""
        values = np.asarray(rows, dtype=float)
        return np.where(self.taken_, np.sign(values) * np.log1p(np.abs(values)), values)


class DateParts(TransformerMixin, BaseEstimator):
    """What a date tells as numbers: day since 1970, year, month, day, weekday and hour; -1 where it is missing."""

    def fit(self, rows: Any, answers: Any = None) -> DateParts:
        """Nothing to learn."""
        self.columns_ = rows.shape[1]
        return self

    def transform(self, rows: pd.DataFrame) -> np.ndarray:
        """Return six numbers for each date."""
        return np.hstack([_parts(rows[name]) for name in rows.columns])


def _parts(dates: pd.Series) -> np.ndarray:
    days = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    parts = [days, dates.dt.year, dates.dt.month, dates.dt.day, dates.dt.weekday, dates.dt.hour]
    return np.column_stack([part.astype(float).fillna(-1.0) for part in parts])


def prepared(values: dict[str, Any], data: Data, seed: int) -> list[tuple[str, Any]]:
    """Return the steps that turn rows into features; raises PipelineError where these columns do not allow them."""
    kinds = _kept(values, data)
    branches = [
        (NUMBER, _numbers, [name for name, kind in kinds.items() if kind == NUMBER]),
        (CATEGORY, _categories, [name for name, kind in kinds.items() if kind == CATEGORY]),
        (DATE, _dates, [name for name, kind in kinds.items() if kind == DATE]),
    ]
    parts = [(title, make(values, data, seed), names) for title, make, names in branches if names]
    if values["words"]:
        texts = [name for name, kind in kinds.items() if kind == TEXT]
        parts += [(f"{TEXT} {name}", TfidfVectorizer(max_features=values["words"]), name) for name in texts]
    if not parts:
        raise PipelineError("pipeline.toml: no column is left to learn from. Leave fewer out.")
    gathered = ColumnTransformer(parts, sparse_threshold=0.0)
    return [("columns", gathered), ("varying", VarianceThreshold()), *_selection(values, data)]


def _kept(values: dict[str, Any], data: Data) -> dict[str, str]:
    for name in values["leave_out"]:
        if name not in data.kinds:
            raise PipelineError(f"pipeline.toml: features.leave_out names {name!r}, which is no column.")
    return {name: kind for name, kind in data.kinds.items() if name not in values["leave_out"]}


def _numbers(values: dict[str, Any], data: Data, seed: int) -> Pipeline:
    columns = sum(kind == NUMBER for kind in data.kinds.values())
    steps: list[tuple[str, Any]] = []
    if values["logarithm"] != "none":
        steps.append(("logarithm", Logarithm(only_skewed=values["logarithm"] == "skewed numbers")))
    steps += [("missing", _imputer(values)), ("scale", _scaled(values, len(data.answers), seed))]
    if values["products"] != "none":
        if columns * (columns + 1) / 2 > MOST_FEATURES:
            raise PipelineError(f"pipeline.toml: features.products of {columns} columns are too many.")
        steps.append(("products", PolynomialFeatures(2, interaction_only=values["products"] == "pairs")))
    return Pipeline(steps)


def _imputer(values: dict[str, Any]) -> Any:
    how, marked = values["missing_numbers"], values["mark_missing"]
    if how == "nearest rows":
        return KNNImputer(keep_empty_features=True, add_indicator=marked)
    settings = {"strategy": "constant", "fill_value": 0.0} if how == "zero" else {"strategy": how}
    return SimpleImputer(**settings, keep_empty_features=True, add_indicator=marked)


def _scaled(values: dict[str, Any], rows: int, seed: int) -> Any:
    scaler = _ranks(rows, seed) if values["scale"] == "ranks" else SCALERS[values["scale"]]()
    if not values["bins"]:
        return scaler
    bins = KBinsDiscretizer(values["bins"], encode="onehot-dense", quantile_method="averaged_inverted_cdf")
    return FeatureUnion([("scaled", scaler), ("bins", bins)])


def _ranks(rows: int, seed: int) -> QuantileTransformer:
    return QuantileTransformer(n_quantiles=min(200, rows // 2), output_distribution="normal", random_state=seed)


def _categories(values: dict[str, Any], data: Data, seed: int) -> Pipeline:
    own = values["missing_categories"] == "own category"
    settings = {"strategy": "constant", "fill_value": OWN} if own else {"strategy": "most_frequent"}
    filled = SimpleImputer(missing_values=None, keep_empty_features=True, **settings)
    return Pipeline([("missing", filled), ("encoded", _encoder(values, data, seed))])


def _encoder(values: dict[str, Any], data: Data, seed: int) -> Any:
    rare = values["rare_categories"] or None
    if values["categories"] == "target mean":
        task = "binary" if data.classes == 2 else "multiclass" if data.classes else "continuous"
        return TargetEncoder(target_type=task, random_state=seed, cv=3)
    if values["categories"] == "order":
        settings = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
        return OrdinalEncoder(min_frequency=rare, **settings)
    known = "infrequent_if_exist" if rare else "ignore"
    return OneHotEncoder(handle_unknown=known, min_frequency=rare, sparse_output=False)


def _dates(values: dict[str, Any], data: Data, seed: int) -> Pipeline:
    return Pipeline([("parts", DateParts()), ("scale", StandardScaler())])


def _selection(values: dict[str, Any], data: Data) -> list[tuple[str, Any]]:
    steps: list[tuple[str, Any]] = []
    if values["keep"] < 1.0:
        judge = f_classif if data.classes else f_regression
        steps.append(("keep", SelectPercentile(judge, percentile=100 * values["keep"])))
    if values["variance"] < 1.0:
        steps.append(("components", PCA(values["variance"], svd_solver="full")))
    return steps
