"""Follows the live stream by an approved rule: predicts, and learns as far as the manifest allows when a label comes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import rules
from learning import Learner
from prequential import run
from stream import OPEN, Segments, Stream

SEGMENTS = cache(Segments)


def begin(candidate: Any, *, bound: float) -> dict[str, Any]:
    """Return the weights and the memory of a learner that has seen the recorded rows once, as they were recorded."""
    segments, learner = SEGMENTS(), learner_of(candidate, bound)
    run(learner, Stream(segments.scaled(segments.raw[:OPEN]), segments.y[:OPEN], (), ()))
    return learner.state()


def learn(
    candidate: Any, *, weights: list[float], memory: dict[str, Any], events: list[dict[str, Any]], bound: float
) -> dict[str, Any]:
    """Return the weights after each label, the memory after the last, and at which labels drifts were seen.

    An event has a `key` and `features`; with a `label` it is to be learned from, and has what was `predicted` when that
    is known from an earlier call. `bound` is how far one label may move the weights.
    """
    segments, learner = SEGMENTS(), learner_of(candidate, bound)
    learner.restore({"weights": weights, "memory": memory})
    predictions: dict[str, str] = {}
    path, drifts = [], []
    for event in events:
        x = measured(event["features"])
        if "label" not in event:
            predictions[event["key"]] = segments.categories[learner.predict(x)]
            continue
        predicted = predictions.get(event["key"], event.get("predicted", event["label"]))
        if learner.learn(x, segments.categories.index(event["label"]), wrong=predicted != event["label"]):
            drifts.append(event["key"])
        path.append(list(map(float, learner.weights)))
    return {"weights": path, "memory": learner.state()["memory"], "drifts": drifts}


def predict(candidate: Any, *, weights: list[float], features: list[dict[str, float]]) -> list[str]:
    """Return the label of each observation, by the weights alone."""
    segments, learner = SEGMENTS(), learner_of(candidate, 0.0)
    learner.weights = np.array(weights)
    return [segments.categories[learner.predict(measured(one))] for one in features]


def learner_of(candidate: Any, bound: float) -> Learner:
    """Return a learner by the candidate's rule that has seen nothing yet."""
    segments = SEGMENTS()
    return Learner(rules.read(candidate.call("rule")), len(segments.names), len(segments.categories), bound)


def measured(features: dict[str, float]) -> np.ndarray:
    """Return an observation's measurements as the learner takes them."""
    segments = SEGMENTS()
    return segments.scaled(np.array([features[name] for name in segments.names]))
