"""The automl strategy as a process: pipelines that can be read, a search that repeats, resumes and keeps to guards."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from improvement.engine.packages import find_builtin
from improvement.engine.pipelines import completed, parse, write
from tests.unit.strategies.loading import PackageProcess, init, result, told

START = write(completed({"model": "linear"}))
MODEL_MERIT = {"linear": 0.0, "neural network": 0.2, "extra trees": 0.1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The package as the host lays it out, with what packages share."""
    root = tmp_path_factory.mktemp("automl")
    for path, data in find_builtin("automl").files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Path(root, path).write_bytes(data)
    return str(root)


def _init(**more: Any) -> dict[str, Any]:
    metrics = [{"name": "size", "better": "lower", "guard": 50.0}]
    start = {"size": 10.0, "fitting_work": 20.0}
    return init({"pipeline.toml": START}, score=_score(START), metrics=metrics, start=start, **more)


def _score(text: str) -> float:
    """Score a pipeline by what it says: a strong penalty and few features are good, and so are some models."""
    values = parse(text)
    strength = values.get("strength", 1.0)
    assert isinstance(strength, float)
    return (
        MODEL_MERIT.get(str(values["model"]), -1.0) - 0.1 * abs(math.log(strength / 200.0)) - float(str(values["keep"]))
    )


def _answers(proposals: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    answers = []
    for number, proposal in enumerate(proposals, start=first):
        text = proposal["files"]["pipeline.toml"]
        size = 500.0 if parse(text)["model"] == "neural network" else 12.0
        answers.append(result(number, _score(text), size=size, fitting_work=30.0))
    return answers


def _run(folder: str, generations: int, *, restart_at: int | None = None, seed: int = 1) -> list[dict[str, Any]]:
    """Return every proposal of a run; with ``restart_at`` a new process goes on from a snapshot at that generation."""
    asked: list[dict[str, Any]] = []
    state = None
    spans = [range(generations)] if restart_at is None else [range(restart_at), range(restart_at, generations)]
    for span in spans:
        with PackageProcess(folder) as process:
            process.request(_init(seed=seed, state=state))
            for _ in span:
                proposals = process.request({"type": "ask", "count": 6})["proposals"]
                answers = _answers(proposals, len(asked))
                asked += proposals
                process.request(told(answers))
            state = process.request({"type": "snapshot"})["state"]
    return asked


def test_every_proposal_is_a_pipeline_that_was_not_tried_and_says_what_changed(folder: str) -> None:
    asked = _run(folder, 20)
    texts = [one["files"]["pipeline.toml"] for one in asked]
    assert len({START, *texts}) == len(texts) + 1 == 121
    assert all(write(parse(text)) == text for text in texts)
    assert all(one["note"] for one in asked)
    assert asked[2]["note"].startswith("gradient boosting instead of linear; ")
    assert len({parse(text)["model"] for text in texts[:12]}) == 7


def test_search_gets_better_than_the_portfolio_within_the_guards(folder: str) -> None:
    kept = [
        text for one in _run(folder, 30) if parse(text := one["files"]["pipeline.toml"])["model"] != "neural network"
    ]
    assert max(map(_score, kept[12:])) > max(map(_score, kept[:12])) + 0.3


def test_pipelines_that_break_a_guard_are_not_followed(folder: str) -> None:
    later = [parse(one["files"]["pipeline.toml"])["model"] for one in _run(folder, 30)[12:]]
    assert later.count("neural network") < len(later) / 4


def test_the_same_seed_gives_the_same_proposals_also_after_a_restart(folder: str) -> None:
    whole = _run(folder, 8)
    assert _run(folder, 8) == whole
    assert _run(folder, 8, restart_at=1) == whole
    assert _run(folder, 8, restart_at=5) == whole
    assert _run(folder, 8, seed=2) != whole


def test_what_was_not_confirmed_no_longer_draws_the_search(folder: str) -> None:
    with PackageProcess(folder) as process:
        process.request(_init())
        proposals = process.request({"type": "ask", "count": 6})["proposals"]
        process.request(told(_answers(proposals, 0)))
        before = json.loads(process.request({"type": "snapshot"})["state"])["members"]
        process.request(told([], decisions=[{"number": 0, "verdict": "unconfirmed", "reason": ""}]))
        after = json.loads(process.request({"type": "snapshot"})["state"])["members"]
    gone = [member for member in before if member not in after]
    assert [write({**values, "leave_out": ()}) for values, _, _ in gone] == [proposals[0]["files"]["pipeline.toml"]]


def test_target_without_a_pipeline_is_refused(folder: str) -> None:
    with PackageProcess(folder) as process:
        answer = process.request(init({"program.py": "x = 1\n"}))
    assert answer == {"type": "error", "message": "This target has no editable pipeline.toml: use another strategy."}
