"""Streams: the manifest's table, observations as they arrive, and the bound of what a serving rule may do."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.engine.manifest import parse_manifest
from improvement.engine.streams import (
    MOST_MEMORY,
    Observation,
    Stream,
    asked_along,
    read_begun,
    read_learned,
    read_observations,
    read_predicted,
)
from improvement.exceptions import Invalid, ManifestError, ServingFailed

MANIFEST = """
[target]
name = "s"
[edit]
files = ["rule.py"]
[evaluate]
module = "evaluator.py"
[metrics.accuracy]
better = "higher"
[stream]
module = "serving.py"
{stream}
"""
BOUNDED = 'serving = "bounded"\nbound = 0.5\nfeatures = ["a", "b"]\nlabels = ["no", "yes"]'
STREAM = Stream("serving.py", "bounded", 0.5, ("a", "b"), ("no", "yes"))
FROZEN = Stream("serving.py", "frozen", 0.0, ("a", "b"), ("no", "yes"))
FULL = {"id": "1", "features": {"a": 1, "b": 2.5}, "label": "yes"}


def test_a_manifest_says_how_its_stream_is_followed() -> None:
    manifest = parse_manifest(MANIFEST.format(stream=BOUNDED))
    assert manifest.stream == STREAM
    assert manifest.protected["serving.py"] == "what follows the stream"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (('"bounded"', '"free"'), "stream.serving"),
        (("bound = 0.5\n", ""), "stream.bound has to be above 0"),
        (('"bounded"', '"frozen"'), "stream.bound has to be above 0"),
        (('["a", "b"]', '["a", "a"]'), "stream.features has to list different names"),
        (('["no", "yes"]', "[]"), "stream.labels has to list different names"),
        (("bound = 0.5", "bound = 0.5\nwindow = 500\nshadow = 100"), "stream.shadow has to be at least window"),
        (("bound = 0.5", "bound = 0.5\nspeed = 3"), "stream.speed is not a known key"),
    ],
)
def test_a_wrong_table_is_named(change: tuple[str, str], why: str) -> None:
    with pytest.raises(ManifestError, match=why):
        parse_manifest(MANIFEST.format(stream=BOUNDED.replace(*change)))


def test_a_table_without_its_module_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"stream\.module"):
        parse_manifest(MANIFEST.format(stream=BOUNDED).replace('module = "serving.py"\n', ""))


def test_observations_are_read_in_the_manifests_order() -> None:
    (one,) = read_observations([{"id": "x", "features": {"b": 2, "a": 1}}], STREAM)
    assert list(one.features or {}) == ["a", "b"]
    assert one.label == ""


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (3, "has to be an object"),
        ({**FULL, "more": 1}, "has to be an object"),
        ({**FULL, "id": ""}, '"id" has to be a text'),
        ({**FULL, "id": "a\0b"}, '"id" has to be a text'),
        ({**FULL, "id": 7}, '"id" has to be a text'),
        ({"id": "1"}, "has neither"),
        ({"id": "1", "label": None}, "has neither"),
        ({"id": "1", "label": "perhaps"}, "has to be one of no, yes"),
        *(({**FULL, "label": label}, "has to be one of no, yes") for label in ("", 0, 1.5, False, True, [], {})),
        ({**FULL, "features": {"a": 1}}, "have to be exactly a, b"),
        ({**FULL, "features": [1, 2]}, "have to be exactly a, b"),
        ({**FULL, "features": {"a": 1, "b": True}}, "feature b has to be a finite number"),
        ({**FULL, "features": {"a": math.inf, "b": 1}}, "feature a has to be a finite number"),
        ({**FULL, "features": {"a": 10**400, "b": 1}}, "feature a has to be a finite number"),
    ],
)
def test_a_wrong_observation_is_named(value: Any, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        read_observations([FULL | {"id": "0"}, value], STREAM)


def test_a_label_that_is_null_is_none() -> None:
    (one,) = read_observations([{**FULL, "label": None}], STREAM)
    assert one == Observation("1", {"a": 1.0, "b": 2.5})


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_has_its_limits(count: int) -> None:
    with pytest.raises(Invalid, match="Send at"):
        read_observations([FULL] * count, STREAM)


def test_a_digest_depends_on_everything_before() -> None:
    one, other = read_observations([FULL, {**FULL, "label": "no"}], STREAM)
    assert len({one.digest(""), other.digest(""), one.digest("a"), one.digest(one.digest(""))}) == 4
    assert one.digest("a") == one.digest("a")


def answer(*path: Any, **more: Any) -> dict[str, Any]:
    return {"weights": list(path), "memory": None, "drifts": [], **more}


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=4), st.lists(st.floats(-1, 1), max_size=5))
def test_each_label_moves_the_weights_as_far_as_the_bound_and_no_further(
    weights: list[float], shares: list[float]
) -> None:
    path, first = [], weights[0]
    for share in shares:
        first += share * STREAM.bound
        path.append([first, *weights[1:]])
    assert list(read_learned(answer(*path), STREAM, weights=weights, labels=len(path)).path) == path
    jump = [first + 3, *weights[1:]]
    with pytest.raises(ServingFailed, match=rf"Label {len(path) + 1} .* nothing of this step is kept"):
        read_learned(answer(*path, jump), STREAM, weights=weights, labels=len(path) + 1)


def test_a_label_that_goes_too_far_is_refused_though_the_next_ones_go_back() -> None:
    with pytest.raises(ServingFailed, match=r"Label 1 .* moved the weights by 2"):
        read_learned(answer([3.0], *[[1.0]] * 9), STREAM, weights=[1.0], labels=10)


def test_frozen_weights_stay() -> None:
    assert read_learned(answer([1.0, 2.0]), FROZEN, weights=[1.0, 2.0], labels=1).path == ([1.0, 2.0],)
    with pytest.raises(ServingFailed, match="may move them by 0"):
        read_learned(answer([1.0, 2.1]), FROZEN, weights=[1.0, 2.0], labels=1)


NO_WEIGHTS = ([math.nan], *([weight] for weight in ("1.0", True, None, [1.0], 10**400)))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "cannot be used"),
        ({}, "cannot be used"),
        *((answer(weights), "a weight is not a finite number") for weights in NO_WEIGHTS),
        (answer([1.0], drifts=None), "cannot be used"),
        (answer([1.0, 2.0]), "another model"),
        (answer(), "answered 0 times weights for 1 labels"),
        (answer([1.0], [1.0]), "answered 2 times weights for 1 labels"),
        (answer([1.0], memory="x" * MOST_MEMORY), "has to forget"),
    ],
)
def test_what_was_learned_and_cannot_be_used_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ServingFailed, match=why):
        read_learned(value, STREAM, weights=[1.0], labels=1)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "cannot be used"),
        ({"weights": [1.0]}, "cannot be used"),
        *(({"weights": weights, "memory": 0}, "a weight is not a finite number") for weights in NO_WEIGHTS),
        ({"weights": [], "memory": "x" * MOST_MEMORY}, "has to forget"),
    ],
)
def test_a_beginning_that_cannot_be_used_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ServingFailed, match=why):
        read_begun(value, STREAM)


@pytest.mark.parametrize("value", [None, [], ["yes"], "no", {"0": "no", "1": "no"}])
def test_predictions_that_are_not_one_for_each_observation_are_refused(value: Any) -> None:
    with pytest.raises(ServingFailed, match="has to predict a list of 2 labels"):
        read_predicted(value, STREAM, asked=2)


@pytest.mark.parametrize("label", ["perhaps", None, ["no"], 1])
def test_a_prediction_that_is_no_label_is_refused(label: Any) -> None:
    with pytest.raises(ServingFailed, match="no label of the manifest"):
        read_predicted(["no", label], STREAM, asked=2)


def test_weights_are_kept_as_floats() -> None:
    state = read_begun({"weights": [1], "memory": None, "more": 3}, STREAM)
    assert (state, type(state["weights"][0])) == ({"weights": [1.0], "memory": None}, float)


def test_each_observation_is_predicted_after_the_labels_before_it_and_once() -> None:
    events = [{"key": "1"}, {"key": "1", "label": "no"}, {"key": "2"}, {"key": "3"}, {"key": "3", "label": "no"}]
    assert asked_along(events, {"2": "no"}) == {0: [{"key": "1"}], 1: [{"key": "3"}]}
