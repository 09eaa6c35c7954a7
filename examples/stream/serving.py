"""Follows the live stream by an approved rule: predicts, and learns as far as the manifest allows when a label comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import rules
from learning import Learner
from prequential import run
from stream import OPEN, Segments, Stream


def serve(candidate: Any, *, state: dict[str, Any] | None, events: list[dict[str, Any]], bound: float) -> dict[str, Any]:
    """Return the state after these events, a prediction for each observation, and where drifts were seen.

    An event has a `key` and `features`: to be predicted, or, with a `label`, to be learned from; it then has what was
    `predicted` when that is known. Without a state the rule first learns the recorded rows that are open. `bound` is
    how far one label may move the weights.
    """
    segments = Segments()
    rule = rules.read(candidate.call("rule"))
    learner = begun(rule, segments) if state is None else Learner(rule, len(segments.names), len(segments.categories))
    if state is not None:
        learner.restore(state)
    learner.bound = bound
    predictions: dict[str, str] = {}
    drifts = []
    for event in events:
        x = segments.scaled(np.array([event["features"][name] for name in segments.names]))
        if "label" not in event:
            predictions[event["key"]] = segments.categories[learner.predict(x)]
            continue
        predicted = predictions.get(event["key"], event.get("predicted", event["label"]))
        if learner.learn(x, segments.categories.index(event["label"]), wrong=predicted != event["label"]):
            drifts.append(event["key"])
    return {"state": learner.state(), "predictions": predictions, "drifts": drifts}


def begun(rule: rules.Rule, segments: Segments) -> Learner:
    """Return a learner that has seen the recorded rows once, as they were recorded."""
    learner = Learner(rule, len(segments.names), len(segments.categories))
    run(learner, Stream(segments.scaled(segments.raw[:OPEN]), segments.y[:OPEN], (), ()))
    return learner
