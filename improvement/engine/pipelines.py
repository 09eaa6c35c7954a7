"""The language of ``pipeline.toml``: how a row of a data set becomes an answer, a line for each decision.

The evaluator reads pipelines with this file, strategies write them with it, pages tell their changes with it. It stands
alone, on the standard library, because each of the three has its own copy in its own sandbox or process.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

FILE_NAME = "pipeline.toml"
HEADER = "# From a row's columns to the answer: every line may change.\n"

Value = bool | int | float | str | tuple[int | str, ...]

LINEAR, TREE, FOREST, EXTRA = "linear", "tree", "random forest", "extra trees"
BOOSTING, NEIGHBOURS, VECTORS, NETWORK = (
    "gradient boosting",
    "nearest neighbours",
    "support vectors",
    "neural network",
)
MODELS = (LINEAR, TREE, FOREST, EXTRA, BOOSTING, NEIGHBOURS, VECTORS, NETWORK)
FORESTS = (FOREST, EXTRA)
BALANCED = (LINEAR, TREE, *FORESTS, BOOSTING, VECTORS)
SECTIONS = ("features", "preprocess", "select", "model", "answer")


class PipelineError(ValueError):
    """A ``pipeline.toml`` that cannot be used; the message says which line, what is wrong and what to write."""


@dataclass(frozen=True, slots=True)
class Line:
    """One decision: its default, the values that it may have, and the models that it belongs to (all when empty).

    ``low`` and ``high`` bound a number, or each width in ``layers``; ``said`` puts a value into words.
    """

    section: str
    name: str
    default: Value
    said: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    models: tuple[str, ...] = ()
    off: Value | None = None
    """The value that means: nothing of the kind."""

    def problem(self, value: object) -> str:
        """Say what this line cannot be, or nothing when the value can be used."""
        if isinstance(self.default, bool):
            return "" if isinstance(value, bool) else "has to be true or false"
        if self.choices:
            return "" if value in self.choices else f"has to be {_or(self.choices)}{_nearest(value, self.choices)}"
        if isinstance(self.default, tuple):
            return self._list_problem(value)
        return self._number_problem(value)

    def _list_problem(self, value: object) -> str:
        kind = int if self.high else str
        if not isinstance(value, tuple) or not all(isinstance(one, kind) and one is not True for one in value):
            return "has to be a list of whole numbers" if self.high else "has to be a list of column names"
        if self.high and not (1 <= len(value) <= 4 and all(self.low <= int(one) <= self.high for one in value)):
            return f"has to be one to four widths from {self.low:g} to {self.high:g}"
        return ""

    def _number_problem(self, value: object) -> str:
        whole = isinstance(self.default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            return f"has to be a {'whole ' if whole else ''}number"
        if value != self.off and not (math.isfinite(value) and self.low <= value <= self.high):
            return f"has to be from {self.low:g} to {self.high:g}" + ("" if self.off is None else f", or {self.off:g}")
        return ""


LINES = (
    Line("features", "leave_out", (), "without the columns {}", off=()),
    Line(
        "features",
        "logarithm",
        "none",
        "the logarithm of {}",
        ("none", "skewed numbers", "all numbers"),
        off="none",
    ),
    Line("features", "products", "none", "products: {}", ("none", "pairs", "squares and pairs"), off="none"),
    Line("features", "bins", 0, "numbers also in {} bins", low=2, high=32, off=0),
    Line("features", "words", 100, "the {} most frequent words of a text", low=1, high=5000, off=0),
    Line(
        "preprocess",
        "missing_numbers",
        "median",
        "missing numbers: {}",
        ("median", "mean", "zero", "nearest rows"),
    ),
    Line("preprocess", "mark_missing", False, "missing numbers are marked", off=False),
    Line(
        "preprocess",
        "missing_categories",
        "own category",
        "missing categories: {}",
        ("own category", "most frequent"),
    ),
    Line("preprocess", "categories", "one-hot", "categories: {}", ("one-hot", "order", "target mean")),
    Line("preprocess", "rare_categories", 0.0, "categories rarer than {} together", low=0.0, high=0.3, off=0.0),
    Line(
        "preprocess",
        "scale",
        "standard",
        "numbers scaled: {}",
        ("none", "standard", "robust", "range", "ranks"),
    ),
    Line("select", "variance", 1.0, "principal components with {} of the variance", low=0.3, high=0.999, off=1.0),
    Line("select", "keep", 1.0, "the best {} of the features", low=0.02, high=0.99, off=1.0),
    Line("model", "model", LINEAR, "{}", MODELS),
    Line("model", "penalty", "ridge", "{} penalty", ("ridge", "lasso", "mixed"), models=(LINEAR,)),
    Line("model", "strength", 1.0, "penalty strength {}", low=1e-5, high=1e5, models=(LINEAR,)),
    Line("model", "trees", 200, "{} trees", low=5, high=3000, models=(*FORESTS, BOOSTING)),
    Line("model", "depth", 0, "depth up to {}", low=1, high=40, off=0, models=(TREE, *FORESTS)),
    Line("model", "leaf", 1, "at least {} rows in a leaf", low=1, high=500, models=(TREE, *FORESTS, BOOSTING)),
    Line("model", "share", 1.0, "{} of the features at a split", low=0.02, high=1.0, models=(*FORESTS, BOOSTING)),
    Line("model", "leaves", 31, "{} leaves in a tree", low=2, high=255, models=(BOOSTING,)),
    Line("model", "rate", 0.1, "learning rate {}", low=1e-4, high=1.0, models=(BOOSTING, NETWORK)),
    Line("model", "shrinkage", 0.0001, "shrinkage {}", low=0.0, high=100.0, models=(BOOSTING, NETWORK)),
    Line("model", "stop_early", True, "stops early", models=(BOOSTING, NETWORK), off=False),
    Line("model", "neighbours", 7, "{} neighbours", low=1, high=200, models=(NEIGHBOURS,)),
    Line("model", "weight", "even", "{} weights", ("even", "by distance"), models=(NEIGHBOURS,)),
    Line("model", "distance", "euclidean", "{} distance", ("euclidean", "manhattan"), models=(NEIGHBOURS,)),
    Line("model", "strictness", 1.0, "strictness {}", low=1e-3, high=1e4, models=(VECTORS,)),
    Line("model", "width", 1.0, "kernel width {}", low=1e-3, high=1e3, models=(VECTORS,)),
    Line("model", "layers", (64,), "layers of {}", low=1, high=1024, models=(NETWORK,)),
    Line("model", "activation", "relu", "{} units", ("relu", "tanh"), models=(NETWORK,)),
    Line("model", "epochs", 200, "up to {} epochs", low=5, high=2000, models=(NETWORK,)),
    Line("answer", "balance", False, "rare classes count as much as frequent ones", models=BALANCED, off=False),
    Line("answer", "calibrate", "none", "probabilities calibrated: {}", ("none", "sigmoid", "isotonic"), off="none"),
    Line("answer", "logarithm_of_answer", False, "learns the logarithm of the answer", off=False),
)
BY_NAME = {line.name: line for line in LINES}

Pipeline = Mapping[str, Value]
"""Every line of ``LINES`` that belongs to the pipeline's model, by name."""


def parse(text: str) -> dict[str, Value]:
    """Read a ``pipeline.toml``; lines that it leaves out have their defaults. Raises PipelineError."""
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PipelineError(f"{FILE_NAME} is not valid TOML: {error}. Correct that line.") from error
    given = dict(_given(tables))
    model = given.get("model", BY_NAME["model"].default)
    if problem := BY_NAME["model"].problem(model):
        raise PipelineError(f"{FILE_NAME}: model.model {problem}.")
    for name, value in given.items():
        _check(BY_NAME[name], value, str(model))
    return {line.name: given.get(line.name, line.default) for line in lines_of(str(model))}


def lines_of(model: str) -> list[Line]:
    """Return the lines that a pipeline with this model has, in the order of the file."""
    return [line for line in LINES if not line.models or model in line.models]


def completed(values: Pipeline) -> dict[str, Value]:
    """Return a pipeline with exactly the lines of its model: defaults added, lines of other models left out."""
    return {line.name: values.get(line.name, line.default) for line in lines_of(str(values["model"]))}


def write(values: Pipeline) -> str:
    """Return the text of a pipeline, always the same for the same values, with every line of its model."""
    parts = [HEADER]
    for section in SECTIONS:
        lines = [line for line in lines_of(str(values["model"])) if line.section == section]
        parts.append(f"\n[{section}]\n" + "".join(f"{line.name} = {_toml(values[line.name])}\n" for line in lines))
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Step:
    """One station that a row passes, for people: its title, and what happens there in short phrases."""

    title: str
    phrases: tuple[str, ...]


def steps(text: str) -> list[Step]:
    """Tell a pipeline as the stations that a row passes; stations at which nothing happens are left out.

    Raises PipelineError.
    """
    values = parse(text)
    told = [Step(section, tuple(_phrases(values, section))) for section in SECTIONS]
    return [step for step in told if step.phrases]


def changes(old: str, new: str) -> list[str]:
    """Tell what changed between two pipelines, a phrase for each line: "300 trees instead of 200".

    Raises PipelineError.
    """
    return told_changes(parse(old), parse(new))


def told_changes(old: Pipeline, new: Pipeline) -> list[str]:
    """Tell what changed between two pipelines that were read; the model first."""
    order = sorted(new, key=lambda name: name != "model")
    return [_change(BY_NAME[name], old, new) for name in order if _differs(BY_NAME[name], old, new)]


def _given(tables: Mapping[str, object]) -> Iterator[tuple[str, Value]]:
    for section, table in tables.items():
        if section not in SECTIONS:
            raise PipelineError(f"{FILE_NAME}: [{section}] is not a section{_nearest(section, SECTIONS)}.")
        if not isinstance(table, dict):
            raise PipelineError(f"{FILE_NAME}: {section} has to be a section, written [{section}].")
        names = tuple(line.name for line in LINES if line.section == section)
        for name, value in table.items():
            if name not in names:
                raise PipelineError(f"{FILE_NAME}: {section}.{name} is not a line there{_nearest(name, names)}.")
            yield name, tuple(value) if isinstance(value, list) else value


def _check(line: Line, value: Value, model: str) -> None:
    where = f"{FILE_NAME}: {line.section}.{line.name}"
    if line.models and model not in line.models:
        raise PipelineError(f"{where} belongs to {_or(line.models)}, and the model is {model}. Leave the line out.")
    if problem := line.problem(value):
        raise PipelineError(f"{where} {problem}; it is {_toml(value)[:60]}.")


def _phrases(values: Pipeline, section: str) -> Iterator[str]:
    for line in lines_of(str(values["model"])):
        value = values[line.name]
        if line.section == section and (line.off is None or value != line.off):
            yield line.said.format(_shown(line, value))


def _differs(line: Line, old: Pipeline, new: Pipeline) -> bool:
    return new[line.name] != old.get(line.name, line.default)


def _change(line: Line, old: Pipeline, new: Pipeline) -> str:
    now, before = new[line.name], old.get(line.name)
    if line.off is not None and now == line.off:
        return f"no longer: {line.said.format(_shown(line, before if before is not None else line.default))}"
    phrase = line.said.format(_shown(line, now))
    if before is None or before == line.off or isinstance(now, bool):
        return phrase
    return f"{phrase} instead of {_shown(line, before)}"


def _shown(line: Line, value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) if line.name == "leave_out" else " and ".join(map(str, value))
    if line.name in {"keep", "share", "variance", "rare_categories"}:
        return f"{100 * float(value):.3g} %"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _toml(value: object) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False, default=str)


def _or(names: tuple[str, ...]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _nearest(name: object, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(str(name), names, n=1)
    return f"; did you mean {close[0]}?" if close else ""
