"""What tests on a real database share; `manage.py test` runs them on SQLite and again on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from improvement import dispatch


@pytest.fixture
def data_directory(tmp_path: Path, settings: Settings) -> Path:
    """Give the test a data directory of its own: repositories, keys and flags."""
    settings.COUNTERSIGN_DATA = tmp_path
    return tmp_path


@pytest.fixture
def nothing_enqueued() -> Iterator[None]:
    """Let the test take every step itself: no task is handed to workers."""
    with dispatch.done_by_this_process():
        yield
