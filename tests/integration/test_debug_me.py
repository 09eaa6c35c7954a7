"""The debugging example in the real sandbox: each fault costs tests, mending all of them is the best there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.cheats import cheat_files
from improvement.engine.measurement import Measurement, Outcome, Stage, Task
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

IMPORTED = load(Path(__file__).parents[2] / "examples" / "debug_me")
TASK = Task(IMPORTED.manifest, IMPORTED.tree)
MENDED = {
    "durations.py": [
        ("sign * int(hours) * 60 + int(minutes)", "sign * (int(hours) * 60 + int(minutes))"),
        (
            "    hours, rest = divmod",
            '    if minutes < 0:\n        return "-" + show(-minutes)\n    hours, rest = divmod',
        ),
        ("(minutes // step + 1) * step", "-(-minutes // step) * step"),
    ],
    "spans.py": [
        ("merged[-1][1] = end", "merged[-1][1] = max(end, merged[-1][1])"),
        ("    return free", "    if at < end:\n        free.append([at, end])\n    return free"),
    ],
    "dates.py": [
        ("and year % 100 != 0", "and (year % 100 != 0 or year % 400 == 0)"),
        ("count = year * 12 + month + months", "count = year * 12 + month - 1 + months"),
        ("count % 12\n", "count % 12 + 1\n"),
    ],
    "sheet.py": [
        ("totals={}):", "totals=None):"),
        (
            "    worked = {}\n    for project, day, span in entries:",
            "    totals, worked = {}, {}\n    for project, day, span in entries:",
        ),
        ("sum(worked - daily for", "sum(max(0, worked - daily) for"),
        ("for project in totals]", "for project in sorted(totals)]"),
    ],
}


def mended(*paths: str) -> dict[str, str]:
    """Return the library with every fault of these files mended."""
    files = dict(TASK.editable)
    for path in paths:
        for old, new in MENDED[path]:
            assert old in files[path]
            files[path] = files[path].replace(old, new, 1)
    return files


def measured(files: dict[str, str], stage: Stage = Stage.MEASURE, case: int = 0, seed: int = 1) -> Measurement:
    """Measure some files."""
    return measure(TASK, files, stage=stage, seed=seed, case=case)


def test_twelve_of_nineteen_tests_fail_at_the_start_and_say_why() -> None:
    found = measured(TASK.editable)
    assert found.metrics == {"passed": 7.0}
    assert found.feedback.count("FAILED") == 12
    assert 'FAILED parse_negative: durations.parse("-1h30m") should be -90 and is -30' in found.feedback


@pytest.mark.parametrize(("path", "passed"), [("durations.py", 11), ("spans.py", 10), ("dates.py", 9), ("sheet.py", 9)])
def test_mending_one_file_helps(path: str, passed: int) -> None:
    assert measured(mended(path)).metrics == {"passed": passed}


def test_with_everything_mended_all_tests_pass_and_the_holdout_agrees() -> None:
    files = mended(*MENDED)
    assert measured(files, seed=7).feedback == "All tests pass."
    assert [measured(files, Stage.HOLDOUT, case).metrics["passed"] for case in range(4)] == [19.0] * 4


def test_a_library_that_crashes_fails_its_tests_and_nothing_else() -> None:
    found = measured({**TASK.editable, "dates.py": "import nothing_at_all\n"})
    assert (found.outcome, found.metrics) == (Outcome.OK, {"passed": 4.0})
    assert "ModuleNotFoundError" in found.feedback


def test_cheats_gain_nothing() -> None:
    for cheat in TASK.manifest.cheats:
        assert measured(cheat_files(TASK, cheat)).metrics["passed"] <= 7
