"""Small changes of a pipeline: another value of one line, or of a few."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from kit.pipelines import BY_NAME, Line, Pipeline, Value, completed, lines_of

RANGES: Mapping[str, tuple[float, float]] = {
    "trees": (20, 600),
    "leaf": (1, 60),
    "leaves": (3, 96),
    "depth": (2, 20),
    "rate": (0.001, 0.3),
    "shrinkage": (0.0001, 10.0),
    "strength": (0.001, 3000.0),
    "strictness": (0.05, 500.0),
    "width": (0.1, 20.0),
    "neighbours": (1, 60),
    "share": (0.05, 1.0),
    "epochs": (40, 600),
    "bins": (3, 16),
    "words": (50, 1000),
    "variance": (0.8, 0.999),
    "keep": (0.2, 0.98),
    "rare_categories": (0.003, 0.1),
}
"""Within what the search moves each number; all of them on a logarithmic scale."""
LAYERS = (16, 32, 64, 100, 150, 200, 300)
STILL = frozenset({"model", "leave_out", "balance", "logarithm_of_answer"})
OF_CLASSES = frozenset({"calibrate"})
STEP = 0.25
OFTEN_OFF = 0.5
SETTINGS_WEIGHT = 3.0


def movable(pipeline: Pipeline, *, classes: bool) -> list[Line]:
    """Return the lines of a pipeline that the search changes."""
    still = STILL if classes else STILL | OF_CLASSES
    return [line for line in lines_of(str(pipeline["model"])) if line.name not in still]


def moved(pipeline: Pipeline, chance: random.Random, *, boldness: float, classes: bool) -> dict[str, Value]:
    """Return the pipeline with one line changed, or more of them with the probability of ``boldness`` each time."""
    lines = movable(pipeline, classes=classes)
    weights = [SETTINGS_WEIGHT if line.section == "model" else 1.0 for line in lines]
    changed = dict(pipeline)
    while True:
        line = chance.choices(lines, weights)[0]
        changed[line.name] = other_value(line, changed[line.name], chance)
        if chance.random() >= boldness:
            return changed


def crossed(pipeline: Pipeline, other: Pipeline, chance: random.Random) -> dict[str, Value]:
    """Return the model of a pipeline behind the features and the preprocessing of another one."""
    shared = {name: other[name] for name in other if BY_NAME[name].section in {"features", "preprocess", "select"}}
    kept = {name: pipeline[name] for name in pipeline if chance.random() < 0.2}
    return completed({**pipeline, **shared, **kept})


def other_value(line: Line, value: Value, chance: random.Random) -> Value:
    """Return another value of a line."""
    if isinstance(line.default, bool):
        return not value
    if line.choices:
        return chance.choice([choice for choice in line.choices if choice != value])
    if isinstance(value, tuple):
        return other_layers(value, chance)
    return other_number(line, float(value), chance)


def other_number(line: Line, value: float, chance: random.Random) -> Value:
    """Return a number a step away on a logarithmic scale, or the one that means nothing of the kind."""
    low, high = RANGES[line.name]
    is_off = value == line.off
    if line.off is not None and not is_off and chance.random() < OFTEN_OFF:
        return line.off
    middle = math.sqrt(low * high) if is_off else min(max(value, low), high)
    step = chance.gauss(0.0, STEP) * math.log(high / low)
    found = min(max(middle * math.exp(step), low), high)
    return max(1, round(found)) if isinstance(line.default, int) else float(f"{found:.3g}")


def other_layers(layers: tuple[int | str, ...], chance: random.Random) -> tuple[int | str, ...]:
    """Return layers with one more, one fewer, or another width."""
    kind = chance.choice(["more", "fewer", "width", "width"])
    if kind == "more" and len(layers) < 3:
        return (*layers, chance.choice(LAYERS[:4]))
    if kind == "fewer" and len(layers) > 1:
        return layers[:-1]
    place = chance.randrange(len(layers))
    return (*layers[:place], chance.choice(LAYERS), *layers[place + 1 :])
