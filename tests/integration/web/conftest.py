"""What the tests of pages share: one small world, and people who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from improvement.broker.configuration import Dialect, ModelConfig
from improvement.models import Candidate, Run, User
from improvement.services import language_models
from tests import factories as make

AWAY = ModelConfig("gone", Dialect.COMPATIBLE, "http://127.0.0.1:9/v1", "tiny-1", seconds=1, private=True)


@dataclass(frozen=True)
class World:
    """A target, a run that alice started, and its candidate in review."""

    run: Run
    candidate: Candidate

    @property
    def numbers(self) -> dict[str, object]:
        """What routes name."""
        return {
            "run": self.run.pk,
            "candidate": self.candidate.pk,
            "target": self.run.target.name,
            "bob": make.user("bob", "reviewer").pk,
            "model": "gone",
        }


@pytest.fixture(autouse=True)
def _on_its_own(data_directory: object, nothing_enqueued: object) -> None:
    """Give every test its own data directory and let it take every step itself."""


@pytest.fixture
def world(db: None) -> World:
    """A run of alice's with a candidate in review, and a model whose server is away.

    Bob and carol may review too, so the team policy is in force.
    """
    make.alice(), make.bob(), make.carol()
    make.follow("team")
    language_models.add(AWAY, key="", actor=make.alice(), now=timezone.now())
    run = make.run(actor=make.alice())
    return World(run, make.reviewed_candidate(run))


@pytest.fixture
def signed_in() -> Callable[[User | None], Client]:
    """Return a browser of a person; nobody is signed out."""

    def browser(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return browser
