"""Opening a stale review hands its confirmation to the workers at once; looking without that right does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from improvement.models import Candidate
from improvement.runner import confirming
from improvement.services import halt, reviews
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
    assert confirmations() == ([{"candidate_id": second.pk}] if asked else [])
    assert make.values([first, second]) == ["stale", "stale"]


def test_a_page_that_fetches_itself_asks_once_for_each_time_it_goes_stale(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    target, (candidate,) = stale_candidates(3.0)
    with django_capture_on_commit_callbacks(execute=True):
        open_twice(candidate)
    assert confirmations() == [{"candidate_id": candidate.pk}]
    confirming.confirm_again(candidate.pk)
    make.move_champion_elsewhere(target, {"NOTES": b"Elsewhere.\n"})
    assert make.fresh(candidate).state == "stale"
    with django_capture_on_commit_callbacks(execute=True):
        open_twice(candidate)
    assert confirmations() == [{"candidate_id": candidate.pk}] * 2


def test_opening_asks_again_when_nothing_came_of_it_for_a_while(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    _, (candidate,) = stale_candidates(3.0)
    now = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        reviews.look(candidate.pk, actor=make.bob(), now=now)
        reviews.look(candidate.pk, actor=make.bob(), now=now + reviews.CLAIM)
    assert confirmations() == [{"candidate_id": candidate.pk}] * 2


def test_opening_asks_for_nothing_while_everything_is_stopped(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    _, (candidate,) = stale_candidates(3.0)
    halt.halt(actor=make.alice(), reason="smoke", now=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        open_twice(candidate)
    assert confirmations() == []


def open_twice(candidate: Candidate) -> None:
    """Open a candidate's page as bob, and let it fetch itself."""
    browser = Client()
    browser.force_login(make.user(make.bob().name))
    for _ in range(2):
        assert browser.get(f"/candidates/{candidate.pk}/").status_code == 200


def confirmations() -> list[dict[str, int]]:
    """Return which candidates the workers were asked to confirm again."""
    return [ids for task, ids in SENT if task == "improvement.tasks.confirm_again"]
