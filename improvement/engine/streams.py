"""Targets that learn from a stream: the manifest's table, what an observation is, and how far learning may go."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard

from improvement.engine.tables import Table
from improvement.exceptions import Invalid, ServingFailed

SERVING = ("bounded", "frozen")
KEYS = ("module", "serving", "bound", "features", "labels", "window", "shadow", "keep")
MOST_AT_ONCE = 1000
MOST_MEMORY = 1_000_000
"""Characters of JSON that a rule may remember besides its weights."""
_ROUNDING = 1e-6
_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Stream:
    """How a target follows a live stream.

    ``module`` is what predicts and learns. ``serving`` says what of the approved rule serves: "bounded", its weights
    move with each label by at most ``bound`` (Euclidean distance), or "frozen", they stay as they were at the release.
    Champion and shadow are compared on the last ``window`` labels; the shadow goes after ``shadow`` of them. ``keep``
    is how many records stay in the database.
    """

    module: str
    serving: str
    bound: float
    features: tuple[str, ...]
    labels: tuple[str, ...]
    window: int = 200
    shadow: int = 1000
    keep: int = 10_000

    @property
    def step_bound(self) -> float:
        """How far one label may move the weights: nowhere where they are frozen."""
        return self.bound if self.serving == "bounded" else 0.0


def read_stream(table: Table, module: str) -> Stream:
    """Read the manifest's table [stream], whose module was read already; raises ManifestError."""
    stream = Stream(
        module=module,
        serving=table.one_of("serving", SERVING),
        bound=float(table.number("bound", 0.0, least=0.0)),
        features=_names(table, "features"),
        labels=_names(table, "labels"),
        window=table.whole("window", 200, least=20, most=10_000),
        shadow=table.whole("shadow", 1000, least=20, most=1_000_000),
        keep=table.whole("keep", 10_000, least=100, most=1_000_000),
    )
    if (stream.serving == "bounded") != (stream.bound > 0):
        raise table.error("bound", 'has to be above 0 when serving = "bounded", and left out when it is "frozen".')
    if stream.shadow < stream.window:
        raise table.error("shadow", f"has to be at least window, {stream.window}: less is never compared.")
    return stream


def _names(table: Table, key: str) -> tuple[str, ...]:
    names = table.texts(key)
    if not names or len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
        raise table.error(key, "has to list different names of letters, digits, spaces, _, . and -.")
    return names


@dataclass(frozen=True, slots=True)
class Observation:
    """What arrived of one observation: its key, and its features, its label or both."""

    key: str
    features: Mapping[str, float] | None = None
    label: str = ""

    def digest(self, previous: str) -> str:
        """Return the SHA-256 (hex) that binds this to everything that arrived before."""
        features = None if self.features is None else {name: float(x) for name, x in self.features.items()}
        content = {"id": self.key, "features": features, "label": self.label, "previous": previous}
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_observations(values: Sequence[object], stream: Stream) -> list[Observation]:
    """Check observations as they arrive; raises Invalid, which says which one is wrong and what to do."""
    if not values:
        raise Invalid("There is no observation. Send at least one.")
    if len(values) > MOST_AT_ONCE:
        raise Invalid(f"These are {len(values)} observations at once. Send at most {MOST_AT_ONCE}.")
    return [_observation(value, stream, f"Observation {place}") for place, value in enumerate(values, 1)]


def _observation(value: object, stream: Stream, where: str) -> Observation:
    if not isinstance(value, dict) or not set(value) <= {"id", "features", "label"}:
        raise Invalid(f'{where} has to be an object with "id" and "features", "label" or both, and nothing else.')
    key = value.get("id")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Invalid(f'{where}: "id" has to be a text of 1 to 100 visible ASCII characters.')
    features, label = value.get("features"), value.get("label")
    if features is None and label is None:
        raise Invalid(f'{where} ({key}) has neither "features" nor a "label". Send at least one of them.')
    if label is not None and label not in stream.labels:
        raise Invalid(f"{where} ({key}): the label has to be one of {', '.join(stream.labels)}.")
    return Observation(key, None if features is None else _features(features, stream, f"{where} ({key})"), label or "")


def _features(value: object, stream: Stream, where: str) -> dict[str, float]:
    if not isinstance(value, dict) or set(value) != set(stream.features):
        raise Invalid(f"{where}: the features have to be exactly {', '.join(stream.features)}.")
    for name, number in value.items():
        if not _is_finite(number):
            raise Invalid(f"{where}: the feature {name} has to be a finite number.")
    return {name: float(value[name]) + 0.0 for name in stream.features}  # no database keeps the sign of a zero


def _is_finite(value: object) -> TypeGuard[float]:
    """Whether a value is a number, and one that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


@dataclass(frozen=True, slots=True)
class Learned:
    """What a rule made of some labels.

    ``path`` has its weights after each of them, in their order; ``memory``, any JSON, is what it remembers besides, and
    ``drifts`` lists the keys at whose label it saw one.
    """

    path: tuple[list[float], ...]
    memory: Any
    drifts: tuple[str, ...]


def read_begun(value: object, stream: Stream) -> dict[str, Any]:
    """Check with what a serving module begins and return it as a state; raises ServingFailed."""
    try:
        answer = dict(value)  # type: ignore[call-overload]  # anything but pairs raises
        state = {"weights": _weights(answer["weights"]), "memory": answer["memory"]}
    except (KeyError, TypeError, ValueError) as error:
        raise _unusable(stream, error) from error
    _check_memory(state["memory"], stream)
    return state


def read_learned(value: object, stream: Stream, *, weights: Sequence[float], labels: int) -> Learned:
    """Check what a serving module learned from labels, each of which may move the weights by the bound and no further.

    ``weights`` are those before the first label. Raises ServingFailed.
    """
    try:
        answer = dict(value)  # type: ignore[call-overload]  # anything but pairs raises
        path = tuple(map(_weights, answer["weights"]))
        learned = Learned(path, answer["memory"], tuple(str(key) for key in answer["drifts"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _unusable(stream, error) from error
    if len(path) != labels:
        raise ServingFailed(f"{stream.module} answered {len(path)} times weights for {labels} labels.")
    for number, (before, after) in enumerate(pairwise([weights, *path]), 1):
        _check_bound(before, after, number, stream)
    _check_memory(learned.memory, stream)
    return learned


def read_predicted(value: object, stream: Stream, *, asked: int) -> list[str]:
    """Check the labels that a serving module predicted for so many observations; raises ServingFailed."""
    if not isinstance(value, list) or len(value) != asked:
        raise ServingFailed(f"{stream.module} has to predict a list of {asked} labels, and answered otherwise.")
    if wrong := [label for label in value if label not in stream.labels]:
        raise ServingFailed(f"{stream.module} predicted {wrong[0]!r:.60}, which is no label of the manifest.")
    return value


def asked_along(events: Iterable[Mapping[str, Any]], known: Container[str]) -> dict[int, list[Mapping[str, Any]]]:
    """Return which events ask for a prediction that is not known, by how many labels came before them."""
    asked: dict[int, list[Mapping[str, Any]]] = {}
    labels = 0
    for event in events:
        if "label" in event:
            labels += 1
        elif event["key"] not in known:
            asked.setdefault(labels, []).append(event)
    return asked


def _unusable(stream: Stream, error: Exception) -> ServingFailed:
    return ServingFailed(f"{stream.module} answered something that cannot be used: {error!s:.200}.")


def _weights(values: Any) -> list[float]:
    weights = list(values)
    if not all(map(_is_finite, weights)):
        raise ValueError("a weight is not a finite number")
    return [float(weight) for weight in weights]


def moved(before: Sequence[float], after: Sequence[float]) -> float:
    """Return how far weights are from others (Euclidean distance)."""
    return math.dist(before, after)


def _check_bound(before: Sequence[float], after: Sequence[float], number: int, stream: Stream) -> None:
    if len(before) != len(after):
        raise ServingFailed(f"The rule had {len(before)} weights and has {len(after)} now: that is another model.")
    way = moved(before, after)
    if way > stream.step_bound + _ROUNDING:
        raise ServingFailed(
            f"Label {number} of this step moved the weights by {way:.4g}, and one label may move them by "
            f"{stream.step_bound:g}: nothing of this step is kept."
        )


def _check_memory(memory: object, stream: Stream) -> None:
    if len(json.dumps(memory)) > MOST_MEMORY:
        raise ServingFailed(
            f"{stream.module} remembers more than {MOST_MEMORY:,} characters of JSON: it has to forget."
        )
