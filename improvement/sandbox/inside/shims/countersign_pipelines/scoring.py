"""Scoring a pipeline: by cross-validation on the rows that a loop may see, or on rows that it never sees."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from countersign import CandidateFailed
from countersign_pipelines import language
from countersign_pipelines.data import Data
from countersign_pipelines.models import built
from countersign_pipelines.work import fitting_work, row_work
from fairlearn.metrics import MetricFrame
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    log_loss,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

FOLDS = ((2_000, 5), (20_000, 3))
"""Up to so many rows, so many outer folds; beyond, one split with a quarter of the rows to score."""
PART = 0.8
BINS = 10

_Outputs = np.ndarray


def cross_validated(text: str, data: Data, *, seed: int) -> dict[str, Any]:
    """Fit a pipeline on each fold's training rows, score it on the others, and return metrics and feedback.

    What is learned, from the median of a column to the number of trees, is learned from training rows alone. Raises
    CandidateFailed for a pipeline that is wrong or cannot be fitted.
    """
    values = _read(text)
    outputs, scores, places = [], [], []
    for training, scoring in _splits(data, seed):
        fitted = _fitted(values, data.at(training), seed)
        outputs.append(_predicted(fitted, data.at(scoring)))
        scores.append(_METRICS[data.metric](data.answers[scoring], outputs[-1]))
        places.append(scoring)
    every = np.concatenate(places)
    metrics = {data.metric: float(np.mean(scores)), **_guarded(data.at(every), np.concatenate(outputs))}
    told = ", ".join(f"{score:.4g}" for score in scores)
    return {"metrics": metrics | _costs(fitted, values, data, len(scores)), "feedback": f"By fold: {told}."}


def tested(text: str, data: Data, unseen: Data, *, seed: int) -> dict[str, Any]:
    """Fit a pipeline on a random four fifths of the rows, by the seed, and score it on the unseen ones."""
    values = _read(text)
    taken = np.random.default_rng(seed).permutation(len(data.answers))[: math.ceil(PART * len(data.answers))]
    training = np.union1d(taken, _one_of_each_class(data))
    fitted = _fitted(values, data.at(training), seed)
    outputs = _predicted(fitted, unseen)
    metrics = {data.metric: float(_METRICS[data.metric](unseen.answers, outputs)), **_guarded(unseen, outputs)}
    return {"metrics": metrics | _costs(fitted, values, data, 1)}


def _read(text: str) -> dict[str, Any]:
    try:
        return language.parse(text)
    except language.PipelineError as error:
        raise CandidateFailed(str(error)) from error


def _splits(data: Data, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rows = len(data.answers)
    folds = next((folds for most, folds in FOLDS if rows <= most), 1)
    if folds == 1:
        one = StratifiedShuffleSplit if data.classes else ShuffleSplit
        return one(1, test_size=0.25, random_state=seed).split(np.zeros(rows), data.answers)
    if not data.classes:
        return KFold(folds, shuffle=True, random_state=seed).split(np.zeros(rows))
    rarest = int(np.bincount(data.answers).min())
    splitter = StratifiedKFold(max(2, min(folds, rarest)), shuffle=True, random_state=seed)
    return splitter.split(np.zeros(rows), data.answers)


def _one_of_each_class(data: Data) -> np.ndarray:
    return np.unique(data.answers, return_index=True)[1] if data.classes else np.zeros(0, dtype=int)


def _fitted(values: dict[str, Any], data: Data, seed: int) -> Any:
    """Return the pipeline fitted; whatever this data does not allow is the candidate's failure."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            return built(values, data, seed % 2**32).fit(data.rows, data.answers)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CandidateFailed(f"The pipeline cannot be fitted: {reason}") from error


def _predicted(fitted: Any, data: Data) -> _Outputs:
    """Return numbers, or for each row the probabilities of all classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not data.classes:
            outputs = fitted.predict(data.rows)
        else:
            outputs = np.zeros((len(data.answers), data.classes))
            outputs[:, fitted.classes_] = fitted.predict_proba(data.rows)
    if not np.isfinite(outputs).all():
        raise CandidateFailed("The pipeline predicts something that is no number.")
    return outputs


def _guarded(data: Data, outputs: _Outputs) -> dict[str, float]:
    """Return what a guard may watch: the gap between groups, and how far probabilities are off."""
    found = {"calibration_error": _calibration_error(data.answers, outputs)} if data.classes else {}
    if data.groups:
        found["group_gap"] = max(_gap(data, outputs, name) for name in data.groups)
    return found


def _gap(data: Data, outputs: _Outputs, name: str) -> float:
    """Return the largest difference between two groups: in accuracy, or in the root mean squared error."""
    measure = accuracy_score if data.classes else root_mean_squared_error
    said = outputs.argmax(axis=1) if data.classes else outputs
    groups = data.rows[name].astype(str).to_numpy()
    frame = MetricFrame(metrics=measure, y_true=data.answers, y_pred=said, sensitive_features=groups)
    return float(frame.difference())


def _calibration_error(answers: np.ndarray, outputs: _Outputs) -> float:
    """Return the expected calibration error: how far, on average, confidence is from being right (ten bins)."""
    confidence, right = outputs.max(axis=1), outputs.argmax(axis=1) == answers
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(confidence[bins == one].sum() - right[bins == one].sum()) for one in range(BINS)]
    return float(sum(gaps) / len(answers))


def _costs(fitted: Any, values: dict[str, Any], data: Data, folds: int) -> dict[str, float]:
    """Return counted work, the same on every machine: a row's in thousand steps, the fitting's in million steps."""
    return {
        "row_work": row_work(fitted, values, data) / 1e3,
        "size": len(pickle.dumps(fitted)) / 1e3,
        "fitting_work": folds * fitting_work(fitted, values, data) / 1e6,
    }


def _log_loss(answers: np.ndarray, outputs: _Outputs) -> float:
    clipped = np.clip(outputs, 1e-6, None)
    return log_loss(answers, clipped / clipped.sum(axis=1, keepdims=True), labels=np.arange(outputs.shape[1]))


def _roc_auc(answers: np.ndarray, outputs: _Outputs) -> float:
    if outputs.shape[1] == 2:
        return roc_auc_score(answers, outputs[:, 1])
    even = outputs / outputs.sum(axis=1, keepdims=True)
    return roc_auc_score(answers, even, multi_class="ovr", labels=np.arange(outputs.shape[1]))


def _of_classes(measure: Callable[..., float]) -> Callable[[np.ndarray, _Outputs], float]:
    return lambda answers, outputs: measure(answers, outputs.argmax(axis=1))


_METRICS: dict[str, Callable[[np.ndarray, _Outputs], float]] = {
    "accuracy": _of_classes(accuracy_score),
    "balanced_accuracy": _of_classes(balanced_accuracy_score),
    "log_loss": _log_loss,
    "roc_auc": _roc_auc,
    "rmse": root_mean_squared_error,
    "r2": r2_score,
}
