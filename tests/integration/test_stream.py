"""The stream example in the real sandbox: what rules are worth, and a short run that finds a better one."""

from __future__ import annotations

import csv
import io
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from improvement.engine.budget import Budget
from improvement.engine.measurement import Outcome, Stage, Task
from improvement.engine.packages import find_builtin
from improvement.engine.streams import asked_along, moved
from improvement.exceptions import Halted
from improvement.offline import Plan, improve
from improvement.sandbox.measure import measure
from improvement.sandbox.serving import Question, begin, learn, predict
from improvement.targets.importing import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "stream"


@pytest.fixture(scope="module")
def task() -> Task:
    """The example as a run has it."""
    imported = load(EXAMPLE)
    return Task(imported.manifest, imported.tree)


def test_the_start_is_measured_alike_each_time_and_the_holdout_by_case(task: Task) -> None:
    once, again = (measure(task, task.editable, stage=Stage.MEASURE, seed=1) for _ in "12")
    assert (once.outcome, once.metrics) == (Outcome.OK, again.metrics)
    assert once.metrics["accuracy"] == pytest.approx(74, abs=4)
    held_out = [measure(task, task.editable, stage=Stage.HOLDOUT, seed=1, case=case) for case in range(3)]
    assert len({one.metrics["accuracy"] for one in held_out}) == 3


def test_a_short_run_confirms_a_rule_that_follows_better(task: Task) -> None:
    package = find_builtin("online")
    result = improve(Plan(task, package, package.settings({}), Budget.of(32), 1))
    assert result.champion.score is not None
    assert result.start.score is not None
    assert result.champion.score > result.start.score + 2


def test_the_live_stream_is_followed_from_step_to_step_within_the_bound(task: Task) -> None:
    stream = task.manifest.stream
    assert stream is not None
    rows = list(csv.DictReader(io.StringIO(task.tree["segments.csv"].decode())))[1380:1480]
    features = [{name: float(row[name]) for name in stream.features} for row in rows]
    asked = [{"key": str(number), "features": one} for number, one in enumerate(features)]
    told = [{**one, "label": row["category"]} for one, row in zip(asked, rows, strict=True)]

    def follow(state: Any, events: list[dict[str, Any]], known: dict[str, str]) -> tuple[Any, dict[str, str]]:
        learned = learn(task, stream, state=state, events=events, stop=lambda: False)
        path, asked = [state["weights"], *learned.path], asked_along(events, known)
        questions = [Question(path[place], [one["features"] for one in group]) for place, group in asked.items()]
        answers = predict(task, stream, questions=questions, stop=lambda: False)
        keys = [[one["key"] for one in group] for group in asked.values()]
        predicted = dict(zip(chain(*keys), chain(*answers), strict=True))
        return {"weights": path[-1], "memory": learned.memory}, predicted

    begun = begin(task, stream, stop=lambda: False)
    whole, predictions = follow(begun, [*asked[:50], *told[:50], *asked[50:]], {})
    first, early = follow(begun, [*asked[:50], *told[:20]], {})
    known = [{**one, "predicted": early[one["key"]]} for one in told[20:50]]
    second, late = follow(first, [*known, *asked[50:]], early)
    assert second == whole
    assert {**early, **late} == predictions
    assert 0 < moved(begun["weights"], whole["weights"]) <= 50 * stream.bound
    right = [predictions[str(number)] == row["category"] for number, row in enumerate(rows)]
    assert sum(right) > 60


def test_a_stream_that_everybody_stopped_is_not_followed(task: Task) -> None:
    stream = task.manifest.stream
    assert stream is not None
    with pytest.raises(Halted):
        begin(task, stream, stop=lambda: True)
