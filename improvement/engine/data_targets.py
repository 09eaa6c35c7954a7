"""From a table of rows to a target: a pipeline to improve, its evaluator, and rows that the loop never sees."""

from __future__ import annotations

import csv
import io
import json
import random
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from improvement.engine import pipelines
from improvement.engine.columns import NUMBER, Column, read_column, tells_the_answer
from improvement.engine.csv_tables import CsvTable
from improvement.engine.manifest import FILE_NAME
from improvement.engine.wording import counted, listed
from improvement.exceptions import TargetError

LEAST_ROWS = 40
LEAST_OF_A_CLASS = 5
MOST_CLASSES = 100
NUMBERS_THAT_ARE_CLASSES = 10
HOLDOUT = 0.25
CLASS_METRICS = ("accuracy", "balanced_accuracy", "log_loss", "roc_auc")
NUMBER_METRICS = ("rmse", "r2")
METRICS = (*CLASS_METRICS, *NUMBER_METRICS)
LOWER_IS_BETTER = ("log_loss", "rmse")
SHARE_THAT_MATTERS = 0.002
GAP_ALLOWED = 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """What to make of a table: the column to predict, and what somebody chose; an empty metric is found out.

    ``groups`` are columns between which a model should be fair, ``drop`` columns to leave out, ``holdout`` the share of
    the rows that the loop never sees.
    """

    predict: str
    metric: str = ""
    groups: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    holdout: float = HOLDOUT

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Asked:
        """Return what was asked for from the fields as JSON keeps them."""
        return cls(**{**kept, "groups": tuple(kept["groups"]), "drop": tuple(kept["drop"])})


@dataclass(frozen=True, slots=True)
class DataTarget:
    """The files of a target, path to content, and what a person should know about the data, in sentences."""

    tree: Mapping[str, bytes]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answers:
    """The column to predict, for the rows that are kept; ``classes`` is empty where numbers are predicted."""

    cells: tuple[str, ...]
    kept: tuple[int, ...]
    classes: tuple[str, ...]
    metric: str
    warnings: tuple[str, ...]


def data_target(table: CsvTable, asked: Asked, *, name: str, where: str) -> DataTarget:
    """Make the files of a pipeline target of a table. Raises TargetError."""
    _check_asked(table, asked, where)
    answers = _answers(table, asked, where)
    columns, warnings = _columns(table, asked, answers, where)
    shown = {group: _of(table.column(group), answers.kept) for group in asked.groups}
    holdout = _held_out(answers, asked.holdout)
    spread = 1.0 if answers.classes else statistics.pstdev(map(float, answers.cells))
    rows = _Rows(columns, shown, asked.predict, answers.cells)
    tree = {
        FILE_NAME: _manifest(name, asked, answers, spread, len(columns)),
        "pipeline.toml": pipelines.write(pipelines.completed({"model": pipelines.LINEAR})),
        "columns.toml": _told(columns, asked, answers),
        "evaluator.py": _EVALUATOR,
        "holdout.py": _HOLDOUT,
        "rows.csv": rows.text(lambda row: row not in holdout),
        "holdout.csv": rows.text(lambda row: row in holdout),
    }
    encoded = {path: text.encode() for path, text in tree.items()}
    return DataTarget(encoded, (*answers.warnings, *warnings))


def _check_asked(table: CsvTable, asked: Asked, where: str) -> None:
    for column in (asked.predict, *asked.groups, *asked.drop):
        if column not in table.names:
            there = listed(table.names[:12]) + (" and more" if len(table.names) > 12 else "")
            raise TargetError(f"{where} has no column {column[:60]!r}; it has {there}.")
    if asked.predict in (*asked.groups, *asked.drop):
        raise TargetError(
            f"The column {asked.predict!r} is the one to predict: it can be neither a group nor left out."
        )
    if asked.metric and asked.metric not in METRICS:
        raise TargetError(f"There is no metric {asked.metric!r}; there are: {', '.join(METRICS)}.")
    if not 0.05 <= asked.holdout <= 0.5:
        raise TargetError(f"The holdout is {asked.holdout:g} of the rows: choose from 0.05 to 0.5.")


def _answers(table: CsvTable, asked: Asked, where: str) -> _Answers:
    column = read_column(asked.predict, table.column(asked.predict), table.decimal)
    kept = tuple(row for row, cell in enumerate(column.cells) if cell)
    warnings = []
    if column.missing:
        warnings.append(f"{counted(column.missing, 'row')} without {asked.predict} left out.")
    _check_enough(len(kept), where)
    values = Counter(column.cells[row] for row in kept)
    if len(values) == 1:
        raise TargetError(f"{where}: {asked.predict} is {next(iter(values))[:40]!r} in every row: nothing to predict.")
    if not _is_classes(column, values, asked, warnings):
        metric = asked.metric or "rmse"
        return _Answers(_of(column.cells, kept), kept, (), metric, tuple(warnings))
    return _classes(column, kept, values, asked, where, warnings)


def _is_classes(column: Column, values: Counter[str], asked: Asked, warnings: list[str]) -> bool:
    numeric = column.kind == NUMBER
    if asked.metric:
        if asked.metric in NUMBER_METRICS and not numeric:
            raise TargetError(
                f"{asked.metric} is for numbers, and {asked.predict} holds others. Name a metric for classes."
            )
        return asked.metric in CLASS_METRICS
    if not numeric:
        return True
    few = len(values) <= NUMBERS_THAT_ARE_CLASSES and all(float(value).is_integer() for value in values)
    if few and len(values) > 2:
        warnings.append(
            f"{asked.predict} has {len(values)} different numbers, which are taken as classes; the metric rmse "
            "predicts them as numbers."
        )
    return few


def _classes(
    column: Column, kept: Sequence[int], values: Counter[str], asked: Asked, where: str, warnings: list[str]
) -> _Answers:
    frequent = [value for value, many in values.items() if many >= LEAST_OF_A_CLASS]
    if len(frequent) > MOST_CLASSES or (len(frequent) < 2 and len(values) > MOST_CLASSES):
        raise TargetError(
            f"{where}: {asked.predict} has {len(values):,} different values; at most {MOST_CLASSES} are taken."
        )
    if len(frequent) < 2:
        raise TargetError(
            f"{where}: of {asked.predict} only {len(frequent)} value has {LEAST_OF_A_CLASS} rows or more."
        )
    if rare := sorted(values.keys() - set(frequent)):
        warnings.append(f"Rows left out, as there are fewer than {LEAST_OF_A_CLASS} of a class: {listed(rare[:5])}.")
    rows = tuple(row for row in kept if column.cells[row] in set(frequent))
    _check_enough(len(rows), where)
    least, most = min(values[one] for one in frequent), max(values[one] for one in frequent)
    if most > 10 * least:
        warnings.append(f"The classes are uneven: {most:,} rows of the most frequent one, {least:,} of the rarest.")
    metric = asked.metric or ("roc_auc" if len(frequent) == 2 else "balanced_accuracy")
    return _Answers(_of(column.cells, rows), rows, tuple(sorted(frequent)), metric, tuple(warnings))


def _check_enough(rows: int, where: str) -> None:
    if rows < LEAST_ROWS:
        raise TargetError(f"{where} has {counted(rows, 'row')} with an answer; at least {LEAST_ROWS} are needed.")


def _columns(table: CsvTable, asked: Asked, answers: _Answers, where: str) -> tuple[list[Column], list[str]]:
    kept, warnings = [], []
    for name in table.names:
        if name == asked.predict or name in asked.drop:
            continue
        column = read_column(name, _of(table.column(name), answers.kept), table.decimal)
        if column.useless:
            warnings.append(f"{name} {column.useless}: it was left out.")
            continue
        kept.append(column)
        if column.missing:
            share = 100 * column.missing / len(answers.kept)
            warnings.append(f"{name} is missing in {share:.2g} % of the rows.")
        if tells_the_answer(column, answers.cells):
            warnings.append(f"{name} alone tells {asked.predict}: leave that column out unless it is known before.")
    if not kept:
        raise TargetError(f"{where} has no column to learn from beside {asked.predict}.")
    return kept, warnings


def _held_out(answers: _Answers, share: float) -> frozenset[int]:
    """Draw the rows to hold out, of each class the same share; the same answers give the same rows."""
    chance = random.Random(f"{len(answers.cells)} {answers.cells[:50]}")  # noqa: S311 - a fair draw, no secret
    groups: dict[str, list[int]] = {}
    for row, cell in enumerate(answers.cells):
        groups.setdefault(cell if answers.classes else "", []).append(row)
    drawn = [row for rows in groups.values() for row in chance.sample(rows, max(1, round(share * len(rows))))]
    return frozenset(drawn)


def _of(cells: Sequence[str], rows: Sequence[int]) -> tuple[str, ...]:
    return tuple(cells[row] for row in rows)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The kept rows, column by column: those to learn from, groups that are no such column, and the answers."""

    columns: Sequence[Column]
    groups: Mapping[str, Sequence[str]]
    predict: str
    answers: Sequence[str]

    def text(self, wanted: Callable[[int], bool]) -> str:
        """Write the wanted rows as CSV."""
        known = {column.name: column.cells for column in self.columns}
        table = {**known, **{name: cells for name, cells in self.groups.items() if name not in known}}
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*table, self.predict])
        rows = zip(*table.values(), self.answers, strict=True)
        writer.writerows(row for place, row in enumerate(rows) if wanted(place))
        return out.getvalue()


def _told(columns: Sequence[Column], asked: Asked, answers: _Answers) -> str:
    lines = ["# What the columns of rows.csv and holdout.csv hold."]
    lines += [f"predict = {_text(asked.predict)}", f'metric = "{answers.metric}"']
    if answers.classes:
        lines.append(f"classes = {_texts(answers.classes)}")
    if asked.groups:
        lines.append(f"groups = {_texts(asked.groups)}")
    lines += ["", "[columns]", *(f'{_text(column.name)} = "{column.kind}"' for column in columns)]
    return "\n".join(lines) + "\n"


def _manifest(name: str, asked: Asked, answers: _Answers, spread: float, columns: int) -> str:
    what = f"Predict {asked.predict} from {counted(columns, 'column')}."
    guards = [f'[metrics.group_gap]\nbetter = "lower"\nguard = {GAP_ALLOWED * spread:.2g}\n'] if asked.groups else []
    if answers.classes:
        guards.append('[metrics.calibration_error]\nbetter = "lower"\nguard = 0.05\n')
    return _MANIFEST.format(
        name=name,
        description=_text(what),
        metric=answers.metric,
        better="lower" if answers.metric in LOWER_IS_BETTER else "higher",
        epsilon=f"{SHARE_THAT_MATTERS * (spread if answers.metric == 'rmse' else 1.0):.2g}",
        guards="\n".join([*guards, _COSTS]),
    )


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


_MANIFEST = """\
[target]
name = "{name}"
description = {description}
kind = "pipeline"

[edit]
files = ["pipeline.toml"]

[evaluate]
module = "evaluator.py"
seconds = 60
memory_mb = 2048
packages = ["sklearn", "pandas", "fairlearn"]
preload = [
    "fairlearn.metrics", "sklearn.calibration", "sklearn.compose",
    "sklearn.ensemble", "sklearn.neural_network", "sklearn.svm",
]

[metrics.{metric}]
better = "{better}"
epsilon = {epsilon}

{guards}
[holdout]
module = "holdout.py"
cases = 3
"""
_COSTS = """\
[metrics.row_work]
better = "lower"
unit = "thousand steps for a row"
guard = 2000

[metrics.size]
better = "lower"
unit = "kB"
guard = 20000

[metrics.fitting_work]
better = "lower"
unit = "million steps"
guard = 50000
"""
_EVALUATOR = '''\
"""Scores pipeline.toml by cross-validation on rows.csv; the seed decides the folds."""

from pathlib import Path

from countersign_pipelines import Data, cross_validated


def evaluate(candidate, *, seed, stage, case):
    data = Data.read(Path(__file__).parent)
    return cross_validated(candidate.text("pipeline.toml"), data, seed=seed)
'''
_HOLDOUT = '''\
"""Fits pipeline.toml on most of rows.csv and scores it on holdout.csv, which the loop never sees."""

from pathlib import Path

from countersign_pipelines import Data, tested


def evaluate(candidate, *, seed, stage, case):
    folder = Path(__file__).parent
    data, unseen = Data.read(folder), Data.read(folder, "holdout.csv")
    return tested(candidate.text("pipeline.toml"), data, unseen, seed=seed)
'''
