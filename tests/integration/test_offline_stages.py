"""Stages and cases in the loop alone: what is dropped, what it costs, and the same again after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.budget import Budget
from improvement.engine.measurement import Task
from improvement.engine.packages import load_package
from improvement.offline import OfflineResult, Plan, improve
from improvement.targets.importing import load
from tests.integration.offline_factories import write_strategy
from tests.integration.staged_target import write_staged


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    imported, package = load(write_staged(tmp_path / "staged")), load_package(write_strategy(tmp_path / "step"))
    task = Task(imported.manifest, imported.tree)
    return Plan(task, package, package.settings({"mode": "climb"}), Budget.of(24), seed=4)


def _dropped(result: OfflineResult) -> list[int]:
    return [tried.number for tried in result.history if tried.outcome == "dropped"]


def test_what_is_dropped_counts_as_measured_has_no_score_and_is_never_nominated(plan: Plan, tmp_path: Path) -> None:
    result = improve(plan, state=tmp_path / "state")
    assert (result.evaluations, len(result.history)) == (24, 24)
    assert 0 < len(_dropped(result)) == result.as_json()["dropped"] < 24
    assert all(tried.score is None for tried in result.history if tried.outcome == "dropped")
    assert not {one.number for one in result.confirmations} & set(_dropped(result))
    assert result.champion.score > -1.0
    told = (tmp_path / "state").read_text()
    assert "Dropped at stage quick: score is -1" in told
    assert "and -10 is needed.\\n[quick, case 1] quick 0" in told, "the feedback of the stage is told, too"


def test_what_is_dropped_is_the_same_with_two_workers_and_after_a_kill(plan: Plan, tmp_path: Path) -> None:
    state, cut = tmp_path / "state", tmp_path / "cut"
    whole = improve(plan, workers=2, state=state)
    lines = state.read_bytes().splitlines(keepends=True)
    dropped = next(number for number, line in enumerate(lines) if b'"outcome": "dropped"' in line)
    for kept in (dropped, dropped + 1, len(lines) - 3):
        cut.write_bytes(b"".join(lines[:kept]))
        resumed = improve(plan, workers=1, state=cut)
        assert resumed.history == whole.history
        verdicts = [[(one.number, one.evidence.verdict) for one in run.confirmations] for run in (resumed, whole)]
        assert verdicts[0] == verdicts[1]
