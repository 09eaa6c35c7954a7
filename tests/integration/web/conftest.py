"""What the tests of pages share: one small world, and people who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from improvement.broker.configuration import Dialect, ModelConfig
from improvement.engine.csv_tables import CsvTable
from improvement.engine.table_summary import summary
from improvement.models import Candidate, Run, UploadedTable, User
from improvement.services import language_models, tables
from tests import factories as make

AWAY = ModelConfig("gone", Dialect.COMPATIBLE, "http://127.0.0.1:9/v1", "tiny-1", seconds=1, private=True)


@dataclass(frozen=True)
class World:
    """A target, a run that alice started, its candidate in review, and a table that she uploaded."""

    run: Run
    candidate: Candidate
    table: UploadedTable

    @property
    def numbers(self) -> dict[str, object]:
        """What routes name."""
        return {
            "run": self.run.pk,
            "candidate": self.candidate.pk,
            "target": self.run.target.name,
            "bob": make.user("bob", "reviewer").pk,
            "model": "gone",
            "table": self.table.pk,
        }


@pytest.fixture(autouse=True)
def _on_its_own(data_directory: object, nothing_enqueued: object) -> None:
    """Give every test its own data directory and let it take every step itself; nothing is kept from the last one."""
    cache.clear()


@pytest.fixture
def world(db: None) -> World:
    """A run of alice's with a candidate in review, and a model whose server is away.

    Bob and carol may review too, so the team policy is in force.
    """
    make.alice(), make.bob(), make.carol()
    make.follow("team")
    language_models.add(AWAY, key="", actor=make.alice(), now=timezone.now())
    run = make.run(actor=make.alice())
    return World(run, make.reviewed_candidate(run), uploaded_table())


def uploaded_table() -> UploadedTable:
    """A table of alice's that a worker has read; nobody asks for its file."""
    table = tables.hand_over(file_name="t.csv", source="/gone/t.csv", actor=make.alice(), now=timezone.now())
    columns = summary(CsvTable(("size", "kind"), (("1", "a"), ("2", "b"))), where="t.csv")
    tables.record_columns(table.pk, rows=2, columns=columns)
    table.refresh_from_db()
    return table


@pytest.fixture
def signed_in() -> Callable[[User | None], Client]:
    """Return a browser of a person; nobody is signed out."""

    def browser(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return browser
