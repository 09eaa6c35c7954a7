"""Both packages as processes: what they answer, that runs repeat, and that a stopped run goes on unchanged."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.unit.strategies.loading import PACKAGES, PackageProcess, init, result, told
from tests.unit.strategies.programs import REGRESSION, TUNABLE, TUNABLE_SPACE, knobs_score, regression_error, run

EVOLUTION = ("evolution", init({"program.py": REGRESSION}, better="lower", score=regression_error(REGRESSION)))
TRADES = (
    "evolution",
    init(
        {"program.py": REGRESSION},
        better="lower",
        score=regression_error(REGRESSION),
        start={"size": 0.0, "weight": 0.0},
        metrics=[
            {"name": "size", "better": "lower", "guard": None},
            {"name": "weight", "better": "lower", "guard": 1.0},
        ],
    ),
)
TPE = ("parameters", init({"knobs.py": TUNABLE}, space=TUNABLE_SPACE, score=knobs_score(TUNABLE)))
NUMERIC_SPACE = [entry for entry in TUNABLE_SPACE if entry["type"] != "choice"]
CMAES = (
    "parameters",
    init({"knobs.py": TUNABLE}, space=NUMERIC_SPACE, score=knobs_score(TUNABLE), parameters={"sampler": "cmaes"}),
)
CONTROLLER = "# EVOLVE-BLOCK-START\nWEIGHTS = [[0.5, -0.25], [1.0, 2.0]]\n# EVOLVE-BLOCK-END\n"
ARS, CLOUD = (
    ("policy", init({"controller.py": CONTROLLER}, better="lower", score=6.0, parameters={"method": method}))
    for method in ("ars", "cmaes")
)
NSGAII = (
    "parameters",
    init(
        {"knobs.py": TUNABLE},
        space=TUNABLE_SPACE,
        score=knobs_score(TUNABLE),
        start={"size": 4.0, "weight": 4.0},
        metrics=[
            {"name": "size", "better": "lower", "guard": None},
            {"name": "weight", "better": "lower", "guard": 1.0},
        ],
        parameters={"sampler": "nsgaii", "population": 8},
    ),
)
GUARDED = (
    "parameters",
    init(
        {"knobs.py": TUNABLE},
        space=TUNABLE_SPACE,
        score=knobs_score(TUNABLE),
        start={"weight": 4.0},
        metrics=[{"name": "weight", "better": "lower", "guard": 1.0}],
    ),
)
ONLINE = ("online", init({"knobs.py": TUNABLE}, space=TUNABLE_SPACE, score=knobs_score(TUNABLE)))
EVERY = [
    pytest.param(*EVOLUTION, id="evolution"),
    pytest.param(*TRADES, id="evolution of trades"),
    pytest.param(*TPE, id="tpe"),
    pytest.param(*CMAES, id="cmaes"),
    pytest.param(*NSGAII, id="nsgaii"),
    pytest.param(*GUARDED, id="guarded"),
    pytest.param(*ONLINE, id="online"),
    pytest.param(*ARS, id="policy by ars"),
    pytest.param(*CLOUD, id="policy by cmaes"),
]


def score(files: dict[str, str]) -> float | None:
    """Score any of the programs."""
    if "controller.py" in files:
        return sum(abs(weight) for row in run(files["controller.py"])["WEIGHTS"] for weight in row)
    return regression_error(files["program.py"]) if "program.py" in files else knobs_score(files["knobs.py"])


def metrics(files: dict[str, str]) -> dict[str, float]:
    """Return two further metrics of either program."""
    depth = float(run(files["knobs.py"])["DEPTH"]) if "knobs.py" in files else 0.0
    return {"size": depth, "weight": depth}


def outcomes(first: int, proposals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results of proposals that are numbered from `first`."""
    return [result(first + i, score(p["files"]), **metrics(p["files"])) for i, p in enumerate(proposals)]


def generation(process: PackageProcess, first: int) -> list[dict[str, Any]]:
    """Ask for eight proposals, tell their scores, and return them."""
    proposals = process.request({"type": "ask", "count": 8})["proposals"]
    process.request(told(outcomes(first, proposals)))
    return proposals


@pytest.mark.parametrize(("name", "start"), EVERY)
def test_answers_have_the_agreed_form(name: str, start: dict[str, Any]) -> None:
    package = tomllib.loads((PACKAGES / name / "strategy.toml").read_text())
    with PackageProcess(name) as process:
        ready = {"type": "ready", "name": package["name"], "version": package["version"]}
        assert process.request(start) == ready
        answer = process.request({"type": "ask", "count": 3})
        assert answer["type"] == "proposals"
        assert len(answer["proposals"]) == 3
        for proposal in answer["proposals"]:
            assert sorted(proposal) == ["files", "note", "operator", "parents"]
            assert sorted(proposal["files"]) == sorted(start["task"]["files"])
            assert proposal["files"] != start["task"]["files"]
            assert "\n" not in proposal["note"]
            assert 0 < len(proposal["note"]) <= 300
        assert process.request(told([result(0, 0.1), result(1, None, "it broke")])) == {"type": "ok"}


@pytest.mark.parametrize(("name", "start"), EVERY)
def test_same_seed_gives_the_same_proposals_and_another_seed_others(name: str, start: dict[str, Any]) -> None:
    runs = []
    for seed in (1, 1, 2):
        with PackageProcess(name) as process:
            process.request({**start, "seed": seed})
            runs.append([generation(process, first) for first in (0, 8, 16)])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize(("name", "start"), EVERY)
@pytest.mark.parametrize("between_ask_and_tell", [False, True])
def test_a_restored_process_goes_on_like_an_uninterrupted_one(
    name: str, start: dict[str, Any], between_ask_and_tell: bool
) -> None:
    with PackageProcess(name) as lasting, PackageProcess(name) as stopped, PackageProcess(name) as restored:
        for process in (lasting, stopped):
            process.request(start)
            for first in range(0, 40, 8):
                generation(process, first)
        pending: list[dict[str, Any]] = []
        if between_ask_and_tell:
            pending = stopped.request({"type": "ask", "count": 8})["proposals"]
            assert lasting.request({"type": "ask", "count": 8})["proposals"] == pending
        state = stopped.request({"type": "snapshot"})["state"]
        assert len(state) < 4_000_000
        restored.request({**start, "state": state})
        for process in (lasting, restored):
            process.request(told(outcomes(40, pending)))
        for first in range(40 + len(pending), 88, 8):
            proposals = generation(lasting, first)
            assert generation(restored, first) == proposals
            assert len(proposals) == 8


@pytest.mark.parametrize("start", [TPE[1], CMAES[1], NSGAII[1]], ids=["tpe", "cmaes", "nsgaii"])
def test_what_was_decided_is_part_of_the_state(start: dict[str, Any]) -> None:
    verdicts = [
        {"number": 3, "verdict": "unconfirmed", "reason": ""},
        {"number": 9, "verdict": "rejected", "reason": "hard to read"},
    ]
    with PackageProcess("parameters") as lasting, PackageProcess("parameters") as restored:
        lasting.request(start)
        for first in range(0, 24, 8):
            generation(lasting, first)
        lasting.request(told([], decisions=verdicts))
        restored.request({**start, "state": lasting.request({"type": "snapshot"})["state"]})
        for process in (lasting, restored):
            process.request(told([], decisions=[{"number": 12, "verdict": "unconfirmed", "reason": ""}]))
        for first in range(24, 56, 8):
            assert generation(restored, first) == generation(lasting, first)


@pytest.mark.parametrize(("name", "start"), EVERY)
def test_decisions_and_a_champion_that_moved_are_taken_in(name: str, start: dict[str, Any]) -> None:
    with PackageProcess(name) as process:
        process.request(start)
        proposals = process.request({"type": "ask", "count": 8})["proposals"]
        champion = {"files": proposals[0]["files"], "score": score(proposals[0]["files"]) or 0.0}
        decisions = [
            {"number": 0, "verdict": "released", "reason": ""},
            {"number": 1, "verdict": "rejected", "reason": "hard to read"},
            {"number": 2, "verdict": "changes_requested", "reason": ""},
            {"number": 3, "verdict": "unconfirmed", "reason": ""},
            {"number": 4, "verdict": "superseded", "reason": ""},
        ]
        results = outcomes(0, proposals)
        assert process.request(told(results, decisions=decisions, champion=champion)) == {"type": "ok"}
        seen = [proposal["files"] for proposal in proposals]
        later = [proposal["files"] for first in (8, 16, 24) for proposal in generation(process, first)]
        assert len(later) == 24
        assert all(files not in seen for files in later)


@pytest.mark.parametrize("name", ["evolution", "parameters"])
def test_a_target_without_anything_to_change_is_exhausted_at_once(name: str) -> None:
    with PackageProcess(name) as process:
        process.request(init({"notes.txt": "nothing to change here\n"}, score=1.0))
        assert process.request({"type": "ask", "count": 8}) == {"type": "proposals", "proposals": []}


def test_an_unknown_message_is_answered_with_one_sentence() -> None:
    with PackageProcess("evolution") as process:
        process.request(EVOLUTION[1])
        refusal = {"type": "error", "message": "This strategy does not know messages of type 'sing'."}
        assert process.request({"type": "sing"}) == refusal


def test_a_controller_without_weights_is_refused_with_one_sentence() -> None:
    with PackageProcess("policy") as process:
        answer = process.request(init({"controller.py": "WEIGHTS = []\n"}))
    assert answer["type"] == "error"
    assert "write the weights there" in answer["message"]


@pytest.mark.parametrize("method", ["ars", "cmaes"])
def test_weights_come_to_their_best(method: str) -> None:
    settings = {"method": method, "noise": 0.2, "step": 0.2}
    start = init({"controller.py": CONTROLLER}, better="lower", score=3.75, parameters=settings)
    with PackageProcess("policy") as process:
        process.request(start)
        found = [score(proposal["files"]) for first in range(0, 400, 8) for proposal in generation(process, first)]
    assert min(found[-80:]) < 0.8


@pytest.mark.parametrize("name", ["evolution", "parameters", "policy"])
def test_a_question_before_init_is_answered_with_one_sentence(name: str) -> None:
    with PackageProcess(name) as process:
        refusal = {"type": "error", "message": "The first message must be init."}
        assert process.request({"type": "ask", "count": 1}) == refusal
