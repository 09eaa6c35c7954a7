"""A task's tree with a candidate's files in it."""

from __future__ import annotations

from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Task

MANIFEST = """
[target]
name = "two-files"
[edit]
files = ["*.py"]
[evaluate]
module = "evaluate/evaluator.py"
[metrics.score]
better = "higher"
"""
TREE = {"a.py": b"a\n", "b.py": b"b\n", "evaluate/evaluator.py": b"# judge\n", "countersign.toml": MANIFEST.encode()}


def test_with_files_drops_what_a_candidate_leaves_out() -> None:
    task = Task(parse_manifest(MANIFEST), TREE)

    tree = task.with_files({"b.py": "better\n", "c.py": "new\n"})

    assert task.changes({"b.py": "better\n", "c.py": "new\n"}) == {"a.py": None, "b.py": b"better\n", "c.py": b"new\n"}
    assert tree == {
        "b.py": b"better\n",
        "c.py": b"new\n",
        "evaluate/evaluator.py": b"# judge\n",
        "countersign.toml": MANIFEST.encode(),
    }
