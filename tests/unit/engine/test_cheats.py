"""Known cheats: what they consist of, and that none may pay."""

from __future__ import annotations

import pytest

from improvement.engine.cheats import cheat_files, check_cheats
from improvement.engine.manifest import Cheat, Metric
from improvement.engine.measurement import Task
from improvement.exceptions import TargetError
from tests.unit.engine.loop_factories import manifest

TREE = {"solution.py": b"x = 1\n", "other.py": b"y = 1\n", "cheats/hard.py": b"x = 99\n", "evaluator.py": b""}
TASK = Task(manifest(edit_files=("solution.py", "other.py")), TREE)


def test_cheat_files_put_over_the_start() -> None:
    files = cheat_files(TASK, Cheat("hard", {"solution.py": "cheats/hard.py"}))
    assert files == {"solution.py": "x = 99\n", "other.py": "y = 1\n"}


def test_cheat_files_missing_file_named() -> None:
    with pytest.raises(TargetError, match=r"'hard' names cheats/gone\.py"):
        cheat_files(TASK, Cheat("hard", {"solution.py": "cheats/gone.py"}))


@pytest.mark.parametrize(
    ("better", "score", "pays"),
    [
        ("higher", 1.2, True),
        ("higher", 1.05, False),
        ("higher", -5.0, False),
        ("lower", 0.8, True),
        ("lower", 3.0, False),
        ("higher", None, False),
    ],
)
def test_check_cheats(better: str, score: float | None, pays: bool) -> None:
    metric, scores = Metric("score", better, epsilon=0.1), {"harmless": None, "hard": score}
    if pays:
        with pytest.raises(TargetError, match="'hard'"):
            check_cheats(metric, 1.0, scores)
    else:
        check_cheats(metric, 1.0, scores)
