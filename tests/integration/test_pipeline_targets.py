"""Pipelines over data sets: fitted in the sandbox, every model and every line, on data with gaps everywhere."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from improvement.engine import pipelines
from improvement.engine.data_targets import Asked
from improvement.engine.measurement import Measurement, Outcome, Stage, Task
from improvement.exceptions import TargetError
from improvement.sandbox import parquet
from improvement.sandbox.measure import measure
from improvement.targets.importing import load, load_table
from tests.architecture.sources import PROJECT

EVERYTHING = {
    "logarithm": "skewed numbers",
    "products": "pairs",
    "bins": 4,
    "missing_numbers": "nearest rows",
    "mark_missing": True,
    "categories": "target mean",
    "scale": "ranks",
    "variance": 0.95,
    "keep": 0.8,
    "calibrate": "isotonic",
}


def _people() -> bytes:
    """Rows with numbers, categories, dates and texts, each of them missing here and there, and two uneven classes."""
    chance = random.Random(3)
    lines = ["age,town,joined,said,sex,rich"]
    for row in range(160):
        age = "" if row % 11 == 0 else str(20 + chance.randrange(50))
        town = chance.choice(["Bonn", "Ulm", "Hof", ""])
        said = f"{chance.choice(['good', 'bad', 'fair'])} words number {row} today"
        rich = "yes" if (int(age or 40) + 20 * (town == "Ulm") + chance.gauss(0, 5)) > 68 else "no"
        lines.append(f"{age},{town},202{row % 4}-05-{1 + row % 28:02},{said},{chance.choice('fm')},{rich}")
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def task() -> Task:
    imported = load_table(Path("people.csv"), _people(), Asked("rich", groups=("sex",)), None)
    return Task(imported.manifest, imported.tree)


def _measured(task: Task, text: str, stage: Stage = Stage.MEASURE, seed: int = 1) -> Measurement:
    return measure(task, {"pipeline.toml": text}, stage=stage, seed=seed)


@pytest.mark.parametrize("model", pipelines.MODELS)
def test_every_model_can_be_fitted(task: Task, model: str) -> None:
    answer = _measured(task, pipelines.write(pipelines.completed({"model": model})))
    assert answer.outcome is Outcome.OK, answer.message
    assert answer.metrics.keys() >= {"roc_auc", "group_gap", "calibration_error", "row_work", "size", "fitting_work"}
    assert answer.metrics["roc_auc"] > 0.5


def test_every_line_at_once_and_the_same_again(task: Task) -> None:
    text = pipelines.write(pipelines.completed({"model": "linear", **EVERYTHING}))
    first, second = _measured(task, text), _measured(task, text)
    assert first.outcome is Outcome.OK, first.message
    assert first.metrics == second.metrics
    assert _measured(task, text, seed=2).metrics["roc_auc"] != first.metrics["roc_auc"]


def test_the_holdout_scores_other_rows(task: Task) -> None:
    answer = _measured(task, pipelines.write(pipelines.completed({"model": "linear"})), Stage.HOLDOUT)
    assert answer.outcome is Outcome.OK, answer.message
    assert 0.5 < answer.metrics["roc_auc"] <= 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[model]\nmodel = "forest"', "model.model has to be"),
        ('[features]\nleave_out = ["shoe"]', "features.leave_out names 'shoe', which is no column"),
        ('[features]\nleave_out = ["age", "town", "joined", "said", "sex"]', "no column is left to learn from"),
        ("[answer]\nlogarithm_of_answer = true", "answer.logarithm_of_answer needs numbers"),
    ],
)
def test_a_wrong_pipeline_is_the_candidates_failure(task: Task, text: str, said: str) -> None:
    answer = _measured(task, text)
    assert (answer.outcome, answer.cause) == (Outcome.FAILED, "candidate_error")
    assert said in answer.message


@pytest.mark.parametrize(("name", "better_than"), [("diabetes", 56.0), ("digits", 0.2)])
def test_examples_start_from_a_sensible_score(name: str, better_than: float) -> None:
    imported = load(PROJECT / "examples" / name)
    task = Task(imported.manifest, imported.tree)
    answer = measure(task, task.editable, stage=Stage.MEASURE, seed=0)
    assert 0.0 < answer.metrics[imported.manifest.primary.name] < better_than


def _parquet(**columns: list[object]) -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


def test_a_parquet_file_is_read_in_the_sandbox() -> None:
    table = _parquet(a=[1.5, None], b=["x", "y,z"])
    assert parquet.as_csv(table, where="t.parquet") == b'a,b\n1.5,x\n,"y,z"\n'
    with pytest.raises(TargetError, match=r"t\.parquet cannot be read as Parquet: "):
        parquet.as_csv(b"PAR1 no", where="t.parquet")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"x" * 15_000_001, r"t\.parquet holds 15\.0 MB; a table may have at most 15\. "),
        (_parquet(a=[1.5] * 3_000_001), r"t\.parquet: a target takes at most 3,000,000 cells, and here are more\. "),
    ],
    ids=["bytes", "cells"],
)
def test_a_parquet_file_that_is_too_large_says_the_limit(data: bytes, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        parquet.as_csv(data, where="t.parquet")
