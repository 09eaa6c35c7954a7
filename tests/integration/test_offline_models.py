"""A run whose strategy asks language models: a real loop, sandbox and HTTP, with a scripted model at their end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from improvement.broker.environment import Stated
from improvement.engine.budget import Budget
from improvement.engine.measurement import Task
from improvement.engine.packages import find_package
from improvement.offline import OfflineResult, Plan, improve
from improvement.offline.models import Chosen
from improvement.targets.importing import load
from tests.integration.scripted_model import Debugger
from tests.model_server import KEY, Fault, ModelServer

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A model that debugs."""
    with ModelServer(Debugger()) as model:
        yield model


def plan(server: ModelServer, example: str = "debug_me", *, budget: int = 24, seed: int = 1, **limits: Any) -> Plan:
    """Plan a run with the server's model."""
    imported, package = load(EXAMPLES / example), find_package("llm")
    models = (Chosen(Stated(server.config(), KEY), 1.0),)
    task = Task(imported.manifest, imported.tree)
    return Plan(task, package, package.settings({}), Budget.of(budget, **limits), seed, models=models)


def found(result: OfflineResult) -> tuple[Any, ...]:
    """Return what has to repeat."""
    return result.history, result.best, result.champion


def test_models_mend_the_library_and_the_holdout_agrees(server: ModelServer) -> None:
    result = improve(plan(server, budget=40))
    assert (result.start.score, result.state) == (7.0, "completed")
    assert result.champion.score >= 12.0
    assert result.champion.number is not None
    operators = {tried.operator for tried in result.history}
    assert {"debug by local", "improve by local"} & operators
    assert {tried.outcome for tried in result.history} >= {"ok"}


def test_same_seed_and_model_same_candidates_and_no_call_is_made_twice(server: ModelServer, tmp_path: Path) -> None:
    whole = improve(plan(server), state=tmp_path / "state", workers=2)
    calls = len(server.asked)
    again = improve(plan(server), state=tmp_path / "state")
    assert found(again) == found(whole)
    assert len(server.asked) == calls
    fresh = improve(plan(server), workers=1)
    assert found(fresh) == found(whole)
    assert [one.prompt for one in server.asked[calls:]] != []
    assert sorted(one.prompt for one in server.asked[calls:]) == sorted(one.prompt for one in server.asked[:calls])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModelServer, OfflineResult, list[bytes], int]]:
    """A finished run, the lines of its state file, and how often the model was asked for it."""
    file = tmp_path_factory.mktemp("recorded") / "state"
    with ModelServer(Debugger()) as server:
        result = improve(plan(server), state=file)
        yield server, result, file.read_bytes().splitlines(keepends=True), len(server.asked)


@pytest.mark.parametrize("after", ["models", "ask", "tell", "evaluation"])
def test_a_run_killed_anywhere_goes_on_with_the_same_candidates_and_the_calls_that_are_left(
    recorded: tuple[ModelServer, OfflineResult, list[bytes], int], tmp_path: Path, after: str
) -> None:
    server, whole, lines, calls = recorded
    places = [number for number, line in enumerate(lines) if json.loads(line)["kind"] == after]
    kept = lines[: places[len(places) // 2] + 1]
    answered = sum(len(json.loads(line)["answers"]) for line in kept if json.loads(line)["kind"] == "models")
    (tmp_path / "state").write_bytes(b"".join(kept))
    before = len(server.asked)
    resumed = improve(plan(server), state=tmp_path / "state")
    assert found(resumed) == found(whole)
    assert len(server.asked) - before == calls - answered


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, retry_after="0"),
        Fault(500),
        Fault(stream="cut"),
        Fault(stream="garbage"),
        Fault(stream="shapeless"),
        Fault(400, says="too long"),
    ],
    ids=["429", "500", "cut", "garbage", "shapeless", "400"],
)
def test_faults_in_the_middle_cost_answers_and_never_the_run(server: ModelServer, fault: Fault) -> None:
    server.faults.extend([None] * 5 + [fault] * 3)
    result = improve(plan(server, budget=16))
    assert (result.state, result.best.score > 7.0) == ("completed", True)


def test_a_model_that_never_answers_ends_the_run_with_its_reason(server: ModelServer, tmp_path: Path) -> None:
    server.faults.extend([Fault(401, says="wrong key")] * 1000)
    with pytest.raises(Exception, match="nothing usable in 3 generations: 4 × Its server answered 401"):
        improve(plan(server), state=tmp_path / "state")


def test_tokens_end_a_run_in_the_middle_of_a_round(server: ModelServer) -> None:
    free = improve(plan(server, budget=24))
    limited = improve(plan(server, budget=24, tokens=30_000))
    assert limited.evaluations < free.evaluations
    assert limited.why == "what is left of the budget is too little for another question to a model"


def test_money_counts_what_is_under_way(server: ModelServer) -> None:
    """A question here may cost 15 dollars a million times 4096 tokens, so with a tenth of a dollar one is under way."""
    result = improve(plan(server, budget=24, microusd=100_000))
    assert result.why == "what is left of the budget is too little for another question to a model"
    assert 1 <= len(server.asked) < 24


def test_secrets_in_a_file_never_leave(server: ModelServer) -> None:
    secret = "ghp_" + "a1B2" * 9
    planned = plan(server, budget=4)
    tree = {**planned.task.tree, "sheet.py": planned.task.tree["sheet.py"] + f'\nTOKEN = "{secret}"\n'.encode()}
    result = improve(replace(planned, task=Task(planned.task.manifest, tree)))
    assert result.evaluations > 0
    assert server.asked
    assert not any(secret in json.dumps(one.body) for one in server.asked)
    assert any("[secret removed]" in one.prompt for one in server.asked)


def test_keys_and_addresses_stay_with_the_host(server: ModelServer, tmp_path: Path) -> None:
    improve(plan(server, budget=4), state=tmp_path / "state")
    kept = (tmp_path / "state").read_text()
    assert KEY not in kept
    assert not re.search(r"127\.0\.0\.1", kept)
