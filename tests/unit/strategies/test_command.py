"""The command strategy: what programs are told, what is proposed of their work, and that it goes on from a state."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.strategies.loading import PackageProcess, init, result, told

FILES = {"a.py": "a = 1\n", "b.py": "b = 1\n"}


def begun(process: PackageProcess, command: str = "/opt/agent --do {task} {files}", **changes: Any) -> dict[str, Any]:
    parameters = {"command": command, "seconds": 60, "elites": 2, "history": 3, "patience": 2}
    return process.request(init(FILES, score=1.0, parameters=parameters, **changes))


def answer(text: str = "a = 2\n", **changes: Any) -> dict[str, Any]:
    done = {"how": "exit", "status": 0, "why": "", "files": {"a.py": text}, "left_out": [], "log": "", "seconds": 1.0}
    return {**done, "transcript": "f" * 64, **changes}


def asked(process: PackageProcess, *answers: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ask for as many proposals as there are answers; return the commands and the proposals."""
    commands = process.request({"type": "ask", "count": len(answers)})["commands"]
    return commands, process.request({"type": "commands", "answers": list(answers)})["proposals"]


def test_a_program_gets_the_files_and_the_task_and_its_edit_is_proposed() -> None:
    with PackageProcess("command") as process:
        assert begun(process)["type"] == "ready"
        commands, proposals = asked(process, answer(left_out=[".history"]))
    (command,), (proposal,) = commands, proposals
    assert (command["files"], command["seconds"]) == (FILES, 60)
    assert command["argv"] == ["/opt/agent", "--do", command["task"], "a.py", "b.py"]
    assert "The metric is score: higher is better." in command["task"]
    assert "Change only these files: a.py, b.py." in command["task"]
    assert proposal == {
        "files": {"a.py": "a = 2\n", "b.py": "b = 1\n"},
        "parents": [],
        "operator": "agent",
        "note": "agent: exit 0, 1 files changed; left out: .history",
        "transcript": "f" * 64,
    }


def test_the_best_is_begun_from_and_what_was_tried_and_said_is_told() -> None:
    with PackageProcess("command") as process:
        begun(process)
        asked(process, answer("a = 2\n"), answer("a = 3\n"))
        process.request(told([result(0, 5.0, "well done"), result(1, None, "it crashed")]))
        comment = {"path": "a.py", "side": "new", "line": 1, "code": "a = 2", "text": "why 2?", "resolved": False}
        decision = {
            "number": 0,
            "verdict": "changes_requested",
            "reason": "use a name",
            "grounds": ["unclear"],
            "comments": [comment],
        }
        process.request(told([], decisions=[decision]))
        commands, proposals = asked(process, answer("a = 4\n"))
    task = commands[0]["task"]
    assert commands[0]["files"]["a.py"] == "a = 2\n"
    assert proposals[0]["parents"] == [0]
    tried = "agent: exit 0, 1 files changed: failed (it crashed)"
    reason, line = "unclear. use a name", "a.py, line 1 of the change (`a = 2`): why 2?"
    for part in ("score 5", "well done", tried, f"changes requested: {reason}", f"changes requested: {line}"):
        assert part in task


def test_what_another_strategy_found_may_be_begun_from() -> None:
    found = {"number": -1, "files": {**FILES, "a.py": "a = 9\n"}, "score": 9.0, "metrics": {}, "feedback": "fine"}
    with PackageProcess("command") as process:
        begun(process, command="/opt/agent")
        process.request({**told([]), "foreign": [{**found, "outcome": "ok", "of": None, "by": "evolution"}]})
        begun_from = [asked(process, answer(f"a = {number}\n")) for number in range(20, 26)]
    assert "a = 9\n" in {commands[0]["files"]["a.py"] for commands, _ in begun_from}
    assert [-1] in [proposals[0]["parents"] for _, proposals in begun_from]


def test_a_rejected_change_is_not_begun_from_again() -> None:
    with PackageProcess("command") as process:
        begun(process)
        asked(process, answer("a = 2\n"))
        process.request(told([result(0, 5.0)]))
        process.request(told([], decisions=[{"number": 0, "verdict": "rejected", "reason": ""}]))
        commands, _ = asked(process, answer("a = 4\n"))
    assert commands[0]["files"] == FILES


def test_it_goes_on_from_a_state_as_if_nothing_had_happened() -> None:
    with PackageProcess("command") as process:
        begun(process)
        asked(process, answer("a = 2\n"), answer("a = 3\n"))
        process.request(told([result(0, 5.0), result(1, 4.0)]))
        state = process.request({"type": "snapshot"})["state"]
        expected = [asked(process, answer(f"a = {n}\n"), answer("a = 9\n")) for n in (5, 6)]
    with PackageProcess("command") as process:
        begun(process, state=state)
        assert [asked(process, answer(f"a = {n}\n"), answer("a = 9\n")) for n in (5, 6)] == expected


def test_it_ends_when_programs_bring_nothing_new() -> None:
    with PackageProcess("command") as process:
        begun(process)
        for number in range(2):
            asked(process, answer())
            process.request(told([{**result(number, None), "outcome": "duplicate"}]))
        assert process.request({"type": "ask", "count": 1}) == {"type": "proposals", "proposals": []}


@pytest.mark.parametrize(
    ("command", "said"), [("", "The setting command is empty"), ("agent 'half", "cannot be read as a command line")]
)
def test_a_command_that_is_none_is_refused(command: str, said: str) -> None:
    with PackageProcess("command") as process:
        assert said in begun(process, command)["message"]


def test_a_program_that_never_starts_is_refused() -> None:
    with PackageProcess("command") as process:
        begun(process)
        process.request({"type": "ask", "count": 1})
        never = answer(how="not_started", status=127, why="agent: No such file or directory", files={})
        said = process.request({"type": "commands", "answers": [never]})
    assert "The program cannot be started: agent: No such file or directory." in said["message"]
