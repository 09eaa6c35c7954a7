"""Known cheats: a run refuses to start while one of them pays."""

from __future__ import annotations

from collections.abc import Mapping

from improvement.engine.manifest import Cheat, Metric
from improvement.engine.measurement import Task
from improvement.exceptions import TargetError


def cheat_files(task: Task, cheat: Cheat) -> dict[str, str]:
    """Put a cheat's files over the start's editable files; raises TargetError when one is missing."""
    files = dict(task.editable)
    for path, source in cheat.files.items():
        if source not in task.tree:
            raise TargetError(f"Cheat {cheat.name!r} names {source}, which the target does not have: add the file.")
        files[path] = task.tree[source].decode("utf-8")
    return files


def check_cheats(metric: Metric, start: float, scores: Mapping[str, float | None]) -> None:
    """Refuse, with TargetError, when a known cheat scores better than the start (None: it failed, as it should)."""
    for name, score in scores.items():
        if score is not None and metric.sign * (score - start) > metric.epsilon:
            raise TargetError(
                f"The known cheat {name!r} scores {score:.6g} and the start {start:.6g}: "
                "the evaluator pays for cheating. Mend the evaluator before a run."
            )
