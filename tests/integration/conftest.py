"""What tests on a real database share; `manage.py test` runs them on SQLite and again on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db.models.signals import post_migrate
from pytest_django import DjangoDbBlocker, Settings

from improvement import dispatch
from tests import log_triggers


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


@pytest.fixture(autouse=True)
def _log_that_can_be_emptied(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """After a test that really commits, let Django empty the tables: the log's triggers would refuse that."""
    marker = request.node.get_closest_marker("django_db")
    marked = marker is not None and marker.kwargs.get("transaction", False)
    commits = marked or bool({"transactional_db", "live_server"} & set(request.fixturenames))
    if commits:
        request.getfixturevalue("transactional_db")
    yield
    if commits:
        with django_db_blocker.unblock():
            log_triggers.drop()


def pytest_sessionstart() -> None:
    """Put the triggers back as soon as the tables are empty, which Django says by this signal."""
    post_migrate.connect(_log_triggers_back, sender=apps.get_app_config("improvement"))


def _log_triggers_back(**_: Any) -> None:
    log_triggers.install()
