"""Several strategies share a run of the loop alone: real processes in the sandbox, one record, the same candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from improvement.engine.budget import Budget
from improvement.engine.measurement import Task
from improvement.engine.packages import find_builtin
from improvement.offline import OfflineResult, Plan, improve
from improvement.offline.__main__ import main
from improvement.targets.importing import load
from tests.integration.offline_factories import write_task

BOTH = "evolution+parameters"
PROGRAM = "# EVOLVE-BLOCK-START\nSCALE = 1.5\n\n\ndef answer():\n    return SCALE * 1.25\n# EVOLVE-BLOCK-END\n"


def _plan(task: Path) -> Plan:
    imported, package = load(task), find_builtin(BOTH)
    return Plan(Task(imported.manifest, imported.tree), package, package.settings({}), Budget.of(40), seed=3)


def _found(result: OfflineResult) -> tuple[Any, ...]:
    return result.history, result.best, result.champion


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OfflineResult, list[bytes]]:
    """A finished run of both, with the lines of its record."""
    folder = tmp_path_factory.mktemp("several")
    task = write_task(folder / "task", solution=PROGRAM)
    result = improve(_plan(task), state=folder / "state")
    return task, result, (folder / "state").read_bytes().splitlines(keepends=True)


def test_both_propose_and_each_candidate_says_whose_it_is(whole: tuple[Path, OfflineResult, list[bytes]]) -> None:
    _, result, _ = whole
    generations: dict[int, set[str]] = {}
    for tried in result.history:
        generations.setdefault(tried.generation, set()).add(tried.operator.partition(": ")[0])
    assert set().union(*generations.values()) == {"evolution", "parameters"}
    assert {len(names) for names in generations.values()} == {1}
    assert result.champion.score > result.start.score


@pytest.mark.parametrize("after", ["ask", "tell", "evaluation"])
def test_a_run_of_several_killed_anywhere_goes_on_with_the_same_candidates(
    whole: tuple[Path, OfflineResult, list[bytes]], tmp_path: Path, after: str
) -> None:
    task, result, lines = whole
    places = [number for number, line in enumerate(lines) if json.loads(line)["kind"] == after]
    (tmp_path / "state").write_bytes(b"".join(lines[: places[len(places) // 2] + 1]))
    assert _found(improve(_plan(task), state=tmp_path / "state")) == _found(result)


def test_the_command_takes_several(
    whole: tuple[Path, OfflineResult, list[bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--strategy", "evolution", "--strategy", "parameters", "--param", "evolution.islands=2"]
    assert main(["improve", str(whole[0]), *named, "--budget", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["strategy"] == find_builtin(BOTH).label


def test_one_named_twice_is_refused_in_one_line(
    whole: tuple[Path, OfflineResult, list[bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--strategy", "evolution", "--strategy", "evolution"]
    assert main(["improve", str(whole[0]), *named, "--budget", "8", "--json"]) == 1
    assert "each once: evolution and evolution cannot share one" in capsys.readouterr().out
