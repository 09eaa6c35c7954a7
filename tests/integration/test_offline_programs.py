"""The loop alone with a program as proposer: its edits are measured, out of scope is blocked, nothing runs twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.small_target import EVALUATOR, HOLDOUT, MANIFEST, PROGRAM
from tests.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
BETTER = """#!/usr/bin/env python3
import pathlib, re
file = pathlib.Path("f.py")
file.write_text(re.sub(r"return (.*)", lambda found: f"return {float(found[1]) + 1}", file.read_text()))
print("the task:", pathlib.Path("TASK.md").read_text())
"""


@pytest.fixture
def programs() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    manifest = MANIFEST.replace("memory_mb = 256", 'memory_mb = 256\nvisible = ["shown.txt"]')
    texts = {"countersign.toml": manifest, "evaluator.py": EVALUATOR, "holdout.py": HOLDOUT, "shown.txt": "given"}
    for name, text in {**texts, "f.py": PROGRAM.format(value=1.0), "NOTES": "notes\n"}.items():
        (folder / name).write_text(text)
    return folder


def script(programs: Path, text: str, name: str = "better") -> None:
    (programs / name).write_text(text)
    (programs / name).chmod(0o755)


def command(target: Path, *more: str, budget: int = 4, line: str = "better") -> list[str]:
    words = ["improve", str(target), "--strategy", "command", "--param", f"command={line}", "--budget", str(budget)]
    return [sys.executable, "-m", "improvement.offline", *words, "--json", *more]


def environment(programs: Path | None) -> dict[str, str]:
    paths = {"COUNTERSIGN_AGENT_PATHS": str(programs)} if programs else {}
    return {**{key: value for key, value in os.environ.items() if key != "COUNTERSIGN_AGENT_PATHS"}, **paths}


def improved(target: Path, programs: Path | None, *more: str, **how: Any) -> dict[str, Any]:
    line, variables = command(target, *more, **how), environment(programs)
    ran = subprocess.run(line, cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False)
    answer: dict[str, Any] = json.loads(ran.stdout or json.dumps({"error": {"message": ran.stderr}}))
    return answer


def lines(state: Path, kind: str) -> list[dict[str, Any]]:
    whole, _, _ = state.read_text().rpartition("\n")
    return [line for line in map(json.loads, whole.splitlines()) if line["kind"] == kind]


def test_a_script_improves_a_target_and_hears_how_it_went(target: Path, programs: Path, tmp_path: Path) -> None:
    script(programs, BETTER)
    state = tmp_path / "state"
    found = improved(target, programs, "--state", str(state))
    assert (found["state"], found["evaluations"], found["blocked"], found["failed"]) == ("completed", 4, 0, 0)
    assert found["champion"]["score"] > 2.5
    assert [one["proposals"][0]["note"] for one in lines(state, "ask")] == ["better: exit 0, 1 files changed"] * 4
    named = {one["transcript"] for ask in lines(state, "ask") for one in ask["proposals"]}
    kept = {line["digest"]: line["text"] for line in lines(state, "transcript")}
    assert named <= kept.keys()
    last = kept[lines(state, "ask")[-1]["proposals"][0]["transcript"]]
    assert "better: exit 0, 1 files changed: ok, 2" in last
    assert [one["outcome"] for one in lines(state, "tell")[0]["message"]["results"]] == ["ok", "duplicate"]


def test_a_change_of_what_may_only_be_read_is_blocked_and_named(target: Path, programs: Path) -> None:
    script(programs, "#!/bin/sh\necho changed > shown.txt\n")
    found = improved(target, programs, budget=2)
    assert (found["blocked"] > 0, found["evaluations"]) == (True, 0)


def test_a_program_that_cannot_be_started_is_one_clear_line(target: Path, programs: Path) -> None:
    said = improved(target, programs, line="no-such-agent --fast")["error"]["message"]
    assert "The program cannot be started: no-such-agent: No such file or directory." in said
    assert "COUNTERSIGN_AGENT_PATHS" in said


def test_without_the_setting_no_program_is_run(target: Path) -> None:
    assert "COUNTERSIGN_AGENT_PATHS names none" in improved(target, None)["error"]["message"]


def test_a_run_killed_in_the_middle_goes_on_and_no_program_runs_twice(
    target: Path, programs: Path, tmp_path: Path
) -> None:
    script(programs, BETTER)
    whole = tmp_path / "whole"
    expected = improved(target, programs, "--state", str(whole), budget=6)
    state = tmp_path / "state"
    running = subprocess.Popen(
        command(target, "--state", str(state), budget=6),
        cwd=CHECKOUT,
        env=environment(programs),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: state.exists() and len(lines(state, "done")) >= 3, seconds=120, what="a third program has ended")
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    found = improved(target, programs, "--state", str(state), budget=6)
    told = ("evaluations", "start", "champion", "best")
    assert {key: found[key] for key in told} == {key: expected[key] for key in told}
    ran = [sorted((one["place"], one["command"]) for one in lines(file, "done")) for file in (state, whole)]
    assert ran[0] == ran[1]
