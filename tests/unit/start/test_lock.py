"""One supervisor per data directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from improvement.exceptions import CannotStart
from webapp.supervisor import lock


def test_second_holder_is_told_who_is_first(tmp_path: Path) -> None:
    path = tmp_path / "data" / "run" / "up.lock"
    path.parent.mkdir(parents=True)
    with lock.held(path, url="http://127.0.0.1:8000"), pytest.raises(CannotStart) as caught, lock.held(path, url="x"):
        pass
    assert caught.value.message == (
        f"Countersign already runs on {tmp_path / 'data'} as process {os.getpid()} at http://127.0.0.1:8000; "
        f"stop it with: kill {os.getpid()}"
    )


def test_lock_is_free_again_afterwards_whatever_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    path.write_text("a longer text than the one that follows, left by somebody " * 9)
    with lock.held(path, url="a"):
        assert path.read_text() == f'{{"pid": {os.getpid()}, "url": "a"}}'
    with lock.held(path, url="b"):
        assert path.read_text() == f'{{"pid": {os.getpid()}, "url": "b"}}'
