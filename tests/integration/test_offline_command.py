"""The command line of the loop alone: what it prints, how it refuses, and that it survives being killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.offline_factories import SOLUTION, write_strategy, write_task

ROOT = Path(__file__).parents[2]


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "improvement.offline", *map(str, arguments)]


def _run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def basic(tmp_path: Path) -> tuple[str | Path, ...]:
    task, strategy = write_task(tmp_path / "parabola"), write_strategy(tmp_path / "step")
    return ("improve", task, "--strategy", strategy, "--seed", "1")


def test_improve_says_once_that_its_budget_is_nearly_spent(basic: tuple[str | Path, ...]) -> None:
    done = _run(*basic, "--budget", "12", "--cpu-seconds", "1000", "--usd", "2.5")
    assert (done.returncode, done.stderr) == (0, "The budget is nearly spent: 12 of 12 evaluations.\n")


@pytest.mark.parametrize("wrong", [("--usd", "cheap"), ("--tokens", "1.5"), ("--cpu-seconds", "many")])
def test_improve_limits_that_are_no_numbers_are_wrong_use(
    basic: tuple[str | Path, ...], wrong: tuple[str, ...]
) -> None:
    done = _run(*basic, "--budget", "12", *wrong)
    assert done.returncode == 2
    assert f"argument {wrong[0]}: invalid" in done.stderr


def test_improve_json_is_the_only_output(basic: tuple[str | Path, ...]) -> None:
    done = _run(*basic, "--budget", "12", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    value = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert {"state", "target", "strategy", "seed", "evaluations", "seconds"} <= value.keys()
    assert (value["state"], value["target"], value["strategy"], value["seed"]) == (
        "completed",
        "parabola",
        "step@0.1.0",
        1,
    )
    assert (value["evaluations"], value["blocked"], value["failed"], value["open_reviews"]) == (12, 0, 0, [])
    assert value["start"]["score"] == -9.0
    assert value["best"]["candidate"].startswith("C-")
    assert value["champion"]["score"] == value["best"]["score"]
    assert "run" not in value


def test_improve_in_words_and_champion_written(basic: tuple[str | Path, ...], tmp_path: Path) -> None:
    done = _run(*basic, "--budget", "12", "--out", tmp_path / "champion")
    assert done.returncode == 0
    assert done.stdout.startswith("parabola: completed after 12 evaluations in ")
    assert "the holdout agrees." in done.stdout
    written = (tmp_path / "champion" / "solution.py").read_text()
    assert written != SOLUTION.format(value=0.0)
    assert written.startswith("def answer():")


def test_improve_killed_and_resumed_equals_uninterrupted(basic: tuple[str | Path, ...], tmp_path: Path) -> None:
    arguments = (*basic, "--budget", "60", "--json", "--state")
    whole = json.loads(_run(*arguments, tmp_path / "whole").stdout)
    state, kills = tmp_path / "killed", 0
    for wanted in (3, 20, 45):
        process = subprocess.Popen(_command(*arguments, state), cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while _measured(state) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    resumed = json.loads(_run(*arguments, state).stdout)
    assert kills == 3
    measured_anew = {"seconds": 0, "cpu_seconds": 0, "confirmed": 0}
    assert {**resumed, **measured_anew} == {**whole, **measured_anew}
    assert _proposed(state) == _proposed(tmp_path / "whole")


def _measured(state: Path) -> int:
    return state.read_text().count('"kind": "evaluation"') if state.exists() else 0


def _proposed(state: Path) -> list[object]:
    lines = [json.loads(line) for line in state.read_text().splitlines()]
    return [line["proposals"] for line in lines if line["kind"] == "ask"]


def test_improve_interrupted_says_what_it_has(basic: tuple[str | Path, ...], tmp_path: Path) -> None:
    arguments = (*basic, "--budget", "5000", "--json", "--state", tmp_path / "state")
    process = subprocess.Popen(_command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while _measured(tmp_path / "state") < 5:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    output, _ = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode == 1
    assert json.loads(output)["state"] == "stopped"


def test_improve_state_in_use_refused(basic: tuple[str | Path, ...], tmp_path: Path) -> None:
    arguments = (*basic, "--budget", "5000", "--json", "--state", tmp_path / "state")
    process = subprocess.Popen(_command(*arguments), cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while _measured(tmp_path / "state") < 1:
            assert process.poll() is None
            time.sleep(0.01)
        second = _run(*arguments)
    finally:
        process.kill()
        process.wait()
    assert (second.returncode, json.loads(second.stdout)["error"]["code"]) == (1, "conflict")


def test_improve_paying_cheat_is_one_clear_line(tmp_path: Path) -> None:
    task = write_task(tmp_path / "cheated", cheat=SOLUTION.format(value=2.0))
    arguments = ("improve", task, "--strategy", write_strategy(tmp_path / "step"), "--budget", "4")
    plain, as_json = _run(*arguments), _run(*arguments, "--json")
    assert (plain.returncode, plain.stdout, plain.stderr.count("\n")) == (1, "", 1)
    assert "known cheat 'known'" in plain.stderr
    error = json.loads(as_json.stdout)["error"]
    assert (as_json.returncode, error["code"], error["message"]) == (1, "target", plain.stderr.strip())


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"--strategy": "evolutoin"}, "strategy", "did you mean 'evolution'?"),
        ({"--param": "mood=glad"}, "strategy", "did you mean 'mode'?"),
        ({"--seconds": "-1"}, "invalid", "seconds"),
        ({"task": "nowhere"}, "target", "nowhere"),
    ],
)
def test_improve_refusal_is_one_clear_line(
    basic: tuple[str | Path, ...], change: dict[str, str], code: str, said: str
) -> None:
    arguments = [*basic, "--budget", "4", "--json"]
    for name, value in change.items():
        if name == "task":
            arguments[1] = value
        else:
            arguments += [name, value]
    done = _run(*arguments)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], done.stderr) == (1, code, "")
    assert said in error["message"]
    assert "\n" not in error["message"]


def test_improve_sandbox_level_out_of_range_refused(basic: tuple[str | Path, ...]) -> None:
    done = _run(*basic, "--budget", "4", SANDBOX_MIN_LEVEL="7")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "SANDBOX_MIN_LEVEL" in done.stderr


@pytest.mark.parametrize("wrong", [("improve",), ("improve", "x", "--strategy", "y", "--budget", "0"), ("fly",), ()])
def test_wrong_use_exits_with_two(wrong: tuple[str, ...]) -> None:
    done = _run(*wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage:" in done.stderr
