"""Opening a stale review hands its confirmation to the workers at once; looking without that right does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from improvement.services.actors import Actor
from tests import factories as make
from tests.integration.runner.champions import stale_candidates

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_directory")]

SENT: list[tuple[str, dict[str, int]]] = []


def send(task: str, ids: dict[str, int]) -> None:
    """Take what is sent to the workers."""
    SENT.append((task, ids))


@pytest.fixture(autouse=True)
def _workers(settings: Settings) -> Iterator[None]:
    settings.SEND_TASK = f"{__name__}.send"
    SENT.clear()
    yield
    SENT.clear()


@pytest.mark.parametrize(("somebody", "asked"), [(make.bob, True), (make.mallory, False)])
def test_opening_a_stale_review(
    somebody: type[Actor], asked: bool, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    _, (first, second) = stale_candidates(3.0, 4.0)
    browser = Client()
    browser.force_login(make.user(somebody().name))
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.get(f"/candidates/{second.pk}/").status_code == 200
    confirmations = [ids for task, ids in SENT if task == "improvement.tasks.confirm_again"]
    assert confirmations == ([{"candidate_id": second.pk}] if asked else [])
    assert make.values([first, second]) == ["stale", "stale"]
