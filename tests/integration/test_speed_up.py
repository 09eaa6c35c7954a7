"""The speed example in the real sandbox: what counts as right. How fast something is, no test asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.cheats import cheat_files
from improvement.engine.measurement import Measurement, Outcome, Stage, Task
from improvement.sandbox.measure import measure
from improvement.targets.importing import load

IMPORTED = load(Path(__file__).parents[2] / "examples" / "speed_up")
TASK = Task(IMPORTED.manifest, IMPORTED.tree)
INDEXED = '''\
"""Articles that belong together."""

import heapq


def related(articles, count):
    """Return for each article the others that share most tags with it, found in an index of the tags."""
    places = {}
    for i, tags in enumerate(articles):
        for tag in tags:
            places.setdefault(tag, []).append(i)
    answer = []
    for i, tags in enumerate(articles):
        shared = {}
        for tag in tags:
            for j in places[tag]:
                shared[j] = shared.get(j, 0) + 1
        shared.pop(i, None)
        answer.append(heapq.nsmallest(count, shared, key=lambda j: (-shared[j], j)))
    return answer
'''


def measured(program: str, stage: Stage = Stage.MEASURE, case: int = 0) -> Measurement:
    """Measure one program."""
    return measure(TASK, {"related.py": program}, stage=stage, seed=1, case=case)


def test_an_index_is_right_on_all_kinds_of_articles() -> None:
    found = [measured(INDEXED), *(measured(INDEXED, Stage.HOLDOUT, case) for case in range(4))]
    assert [one.message for one in found] == [""] * 5
    assert all(one.metrics.keys() == {"doublings", "times"} for one in found)


@pytest.mark.parametrize(
    ("old", "new"),
    [("shared.pop(i, None)", "pass"), ("(-shared[j], j)", "(-shared[j], -j)"), ("nsmallest(count", "nsmallest(4")],
)
def test_wrong_answers_fail_however_fast(old: str, new: str) -> None:
    found = measured(INDEXED.replace(old, new))
    assert (found.outcome, "is wrong" in found.message) == (Outcome.FAILED, True)


@pytest.mark.parametrize("name", ["looks_at_neighbours", "learnt_by_heart"])
def test_fast_cheats_fail(name: str) -> None:
    cheat = next(cheat for cheat in TASK.manifest.cheats if cheat.name == name)
    assert measured(cheat_files(TASK, cheat)["related.py"]).outcome is Outcome.FAILED
