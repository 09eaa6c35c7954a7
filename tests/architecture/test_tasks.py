"""Work that is handed over has a task: one whose name nobody knows would wait for ever."""

from __future__ import annotations

import re

from improvement import tasks
from tests.architecture.sources import PROJECT

HANDED_OVER = re.compile(r'enqueue(?:_on_commit)?\(\s*"(\w+)"')


def test_everything_that_is_handed_over_is_a_task() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (PROJECT / "improvement").rglob("*.py")]
    named = {name for text in texts for name in HANDED_OVER.findall(text)}
    assert len(named) > 5
    assert {name for name in named if not hasattr(tasks, name)} == set()
