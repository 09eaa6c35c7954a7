"""One generation: screened in order, settled in order, whatever order the workers finish in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from improvement.engine.asktell import Proposal, Result, ToldOutcome
from improvement.engine.generation import plan, score_of, settle, told
from improvement.engine.manifest import Metric, Parameter
from improvement.engine.measurement import Measurement, Outcome
from improvement.engine.screening import syntax_digest
from improvement.exceptions import Conflict
from tests.unit.engine.loop_factories import manifest, measured

BASE = {"solution.py": "x = 1\n"}
TASK = manifest()


def _proposals(*texts: str) -> list[Proposal]:
    return [Proposal(10 + n, {"solution.py": text}, (), "", "") for n, text in enumerate(texts)]


def test_plan_knows_what_came_before() -> None:
    seen = {syntax_digest({"solution.py": "x = 7\n"}): 3}
    texts = ("x = 2\n", "x = 7  # seen in an earlier generation\n", "x  =  2\n", "x = (\n", "x = 3\n")
    planned = plan(TASK, BASE, _proposals(*texts), seen)
    assert [one.screened.verdict for one in planned] == ["pass", "duplicate", "duplicate", "blocked", "pass"]
    assert [one.proposal.number for one in planned if one.to_measure] == [10, 14]
    assert [one.screened.of for one in planned] == [None, 3, 10, None, None]
    assert seen == {syntax_digest({"solution.py": "x = 7\n"}): 3}


def test_plan_reads_what_declared_parameters_are_set_to() -> None:
    tuned = replace(TASK, parameters=(Parameter("x", "int", 1, 9),))
    planned = plan(tuned, BASE, _proposals("x = 4\n", "x = 5\n"), set())
    assert [one.values for one in planned] == [{"x": 4}, {"x": 5}]


def test_settle_in_the_order_of_the_proposals() -> None:
    planned = plan(TASK, BASE, _proposals("x = 2\n", "x = (\n", "x = 3\n", "x = 2 \n"), {})
    results = settle(TASK, planned, {12: measured(None), 10: measured(2.0, feedback="fine")})
    assert [(one.number, one.outcome, one.score) for one in results] == [
        (10, ToldOutcome.OK, 2.0),
        (11, ToldOutcome.BLOCKED, None),
        (12, ToldOutcome.FAILED, None),
        (13, ToldOutcome.DUPLICATE, None),
    ]
    assert [one.of for one in results] == [None, None, None, 10]
    assert results[0].feedback == "fine"
    assert results[2].feedback == "It raised ValueError."


def test_settle_before_all_are_measured_refused() -> None:
    planned = plan(TASK, BASE, _proposals("x = 2\n", "x = 3\n"), {})
    with pytest.raises(Conflict, match="Proposal 11 is not measured yet"):
        settle(TASK, planned, {10: measured(2.0)})


@pytest.mark.parametrize(
    ("measurement", "score"),
    [(measured(2.0), 2.0), (measured(None), None), (measured(2.0, metrics={"other": 1.0}), None)],
)
def test_score_of(measurement: Measurement, score: float | None) -> None:
    assert score_of(TASK, measurement) == score


def test_told_keeps_the_log_back() -> None:
    assert told(TASK, 3, measured(None, log="/srv/host/path")) == Result(
        3, ToldOutcome.FAILED, feedback="It raised ValueError."
    )
    assert told(TASK, 3, measured(None, outcome=Outcome.BLOCKED)).outcome is ToldOutcome.BLOCKED


def test_told_beyond_the_bound_without_the_score() -> None:
    bounded = manifest(metrics=(Metric("score", "higher", bound=1.0),))
    result = told(bounded, 3, measured(2.0))
    assert (result.outcome, result.score, dict(result.metrics)) == (ToldOutcome.BLOCKED, None, {})
