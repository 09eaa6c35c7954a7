"""Candidates in other languages: a command for each call, text in and text out, files without links."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pytest

from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Measurement, Outcome, Stage, Task
from improvement.sandbox import levels, spawn, zygotes
from improvement.sandbox.measure import measure

MANIFEST = """
[target]
name = "sums"
[edit]
files = ["{path}"]
[evaluate]
module = "evaluator.py"
protocol = "program"
seconds = 5
memory_mb = 256
[candidate]
command = [{command}]
[metrics.score]
better = "higher"
"""
SUMS = """
from countersign import CandidateFailed

def evaluate(candidate, *, seed, stage, case):
    right = 0
    for numbers in ([1, 2], [10, 20, 30], []):
        try:
            printed = candidate.within(2).run("".join(f"{one}\\n" for one in numbers), args=["loud"])
        except CandidateFailed as error:
            return {"metrics": {"score": right}, "feedback": str(error)}
        right += printed.strip() == str(sum(numbers))
    return {"score": right}
"""
FILES = """
from countersign import CandidateFailed

def evaluate(candidate, *, seed, stage, case):
    try:
        found = candidate.run(files={"in/a.txt": "ant\\n"}, read=["out/b.txt"])
    except CandidateFailed as error:
        return {"metrics": {"score": 0}, "feedback": str(error)}
    return {"score": float(found["out/b.txt"] == "ANT\\n")}
"""
SHELL, AWK, PERL = ("/bin/sh",), ("/usr/bin/awk", "-f"), ("/usr/bin/perl",)


def task(evaluator: str, command: tuple[str, ...], path: str) -> Task:
    """Make a target whose candidates are run by a command."""
    text = MANIFEST.format(path=path, command=", ".join(f'"{part}"' for part in (*command, path)))
    files = {"countersign.toml": text, "evaluator.py": textwrap.dedent(evaluator), path: ""}
    return Task(parse_manifest(text), {name: data.encode() for name, data in files.items()})


def run(evaluator: str, command: tuple[str, ...], program: str, *, path: str = "solution.x") -> Measurement:
    """Measure a program."""
    files: Mapping[str, str] = {path: program}
    return measure(task(evaluator, command, path), files, stage=Stage.MEASURE, seed=1)


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (AWK, "BEGIN { ARGC = 1 }\n{ total += $1 }\nEND { print total + 0 }\n"),
        (SHELL, "total=0\nwhile read one; do total=$((total + one)); done\necho $total\n"),
        (PERL, "my $total = 0; $total += $_ while <STDIN>; print qq($total\\n);\n"),
    ],
    ids=["awk", "sh", "perl"],
)
def test_a_program_answers_on_standard_output(command: tuple[str, ...], program: str) -> None:
    result = run(SUMS, command, program)
    assert (result.outcome, result.isolation, dict(result.metrics)) == (Outcome.OK, "separate", {"score": 3.0}), result


def test_arguments_reach_the_program() -> None:
    result = run(SUMS, SHELL, '[ "$1" = loud ] && cat >/dev/null && echo 3')
    assert dict(result.metrics) == {"score": 1.0}


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("exit 3", "its command exited with status 3"),
        ("kill -9 $$", "its command was ended by signal 9"),
        ("sleep 60", "it did not answer within 2 seconds"),
        ("head -c 700000 /dev/zero", "it printed more than 600,000 bytes"),
        ("printf '\\377'", "what it printed is not UTF-8 text"),
        ("sleep 60 & echo 3; exit 4", "its command exited with status 4"),
    ],
)
def test_a_failure_is_the_candidates_and_named(program: str, said: str) -> None:
    result = run(SUMS, SHELL, program)
    assert result.outcome is Outcome.OK, result
    assert said in result.feedback


@pytest.mark.parametrize("forked", [True, False])
def test_what_a_program_leaves_running_ends_with_its_call(forked: bool, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(lambda: zygotes.allow(True))
    levels.try_zygotes()
    zygotes.allow(forked)
    later = "cat >/dev/null; [ -e /tmp/late ] && echo 60 && exit; (setsid sh -c 'sleep 0.3; touch /tmp/late') & echo 3"
    slow = SUMS.replace("right = 0\n", "right = 0\n    import time\n", 1).replace(
        "        try:\n", "        time.sleep(0.5)\n        try:\n"
    )
    assert dict(run(slow, SHELL, later).metrics) == {"score": 1.0}


@pytest.mark.parametrize("level", [spawn.FULL, spawn.FENCED, spawn.LIMITED])
def test_a_program_cannot_answer_on_the_channel_itself(level: int) -> None:
    """What it wrote there would be no text, and count though it failed."""
    forging = """for n in 3 4 5 6 7 8 9; do eval "echo '{\\"id\\":1,\\"value\\":60}' >&$n"; done 2>/dev/null; exit 3"""
    with spawn.at(level):
        result = run(SUMS, SHELL, forging)
    assert result.feedback == "The candidate failed: its command exited with status 3.", result


def test_a_program_never_sees_the_evaluator() -> None:
    result = run(SUMS, SHELL, "cat >/dev/null; [ -e /job/evaluator.py ] || [ ! -e /job/solution.x ] || echo 3")
    assert dict(result.metrics) == {"score": 1.0}


def test_files_go_in_and_out() -> None:
    result = run(FILES, SHELL, "mkdir out; tr a-z A-Z <in/a.txt >out/b.txt")
    assert dict(result.metrics) == {"score": 1.0}, result


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("true", "it left no file out/b.txt"),
        ("mkdir out; ln -s /etc/passwd out/b.txt", "cannot be read: Too many levels of symbolic links"),
        ("ln -s /etc out; true", "cannot be read: Not a directory"),
        ("mkdir -p out/b.txt", "is not a plain file of its own"),
        ("mkdir out; echo x >a; ln a out/b.txt", "is not a plain file of its own"),
        ("mkdir out; head -c 700000 /dev/zero >out/b.txt", "its outputs hold more than 600,000 bytes"),
        ("mkdir out; printf '\\377' >out/b.txt", "out/b.txt is not UTF-8 text"),
        ("mkdir out; mkfifo out/b.txt", "status 1"),
    ],
)
def test_outputs_that_are_no_plain_text_files_are_refused(program: str, said: str) -> None:
    result = run(FILES, SHELL, program)
    assert result.outcome is Outcome.OK, result
    assert said in result.feedback


def test_a_path_that_leads_elsewhere_is_refused() -> None:
    outside = FILES.replace("out/b.txt", "../x")
    assert "is no path of a file below the folder of a run" in run(outside, SHELL, "true").feedback


def test_a_command_that_does_not_exist() -> None:
    result = run(SUMS, ("/usr/bin/no-such-program",), "")
    assert "No such file" in result.feedback


@pytest.mark.parametrize("level", [spawn.FENCED, spawn.LIMITED])
def test_it_is_the_same_where_sandboxes_are_weaker(level: int) -> None:
    with spawn.at(level):
        printed = run(SUMS, AWK, "BEGIN { ARGC = 1 }\n{ total += $1 }\nEND { print total + 0 }\n")
        written = run(FILES, SHELL, "mkdir out; tr a-z A-Z <in/a.txt >out/b.txt")
    assert (dict(printed.metrics), printed.level) == ({"score": 3.0}, level), printed
    assert dict(written.metrics) == {"score": 1.0}, written
