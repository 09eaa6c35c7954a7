"""A run's seconds are those in which it runs: not parked, not paused, not halted, not over."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from improvement.commandline import run_report
from improvement.models import Run
from improvement.selectors import loop
from improvement.selectors.runs import seconds_running
from improvement.services import halt, runs
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    return make.run()


def _at(run: Run, seconds: float) -> datetime:
    assert run.started_at is not None
    return run.started_at + timedelta(seconds=seconds)


def _seconds(run: Run, seconds: float) -> float:
    run.refresh_from_db()
    return round(seconds_running(run, _at(run, seconds)), 6)


def test_a_queued_run_has_not_begun() -> None:
    assert seconds_running(make.queued_run(make.target()), timezone.now()) == 0.0


def test_a_run_that_runs_counts(run: Run) -> None:
    assert (_seconds(run, 5), _seconds(run, 65)) == (5.0, 65.0)


@pytest.mark.parametrize("state", ["paused", "parked"])
def test_the_clock_stands_until_the_run_goes_on(run: Run, state: str) -> None:
    if state == "paused":
        runs.pause(run.pk, actor=make.alice(), now=_at(run, 10))
    else:
        runs.park(run.pk, reason="waits for its open reviews", now=_at(run, 10))
    assert _seconds(run, 5000) == 10.0
    runs.resume(run.pk, actor=make.alice(), now=_at(run, 5000))
    assert _seconds(run, 5007) == 17.0


def test_the_clock_stands_for_good_when_the_run_is_over(run: Run) -> None:
    runs.complete(run.pk, budget=loop.budget(run), reason="the budget is spent", now=_at(run, 30))
    assert _seconds(run, 9000) == 30.0


def test_the_clock_stands_under_a_stop(run: Run) -> None:
    halt.halt(actor=make.alice(), reason="a drill", now=_at(run, 10))
    assert _seconds(run, 500) == 10.0
    halt.resume(actor=make.alice(), reason="over", now=_at(run, 500))
    assert _seconds(run, 503) == 13.0


def test_a_run_resumed_under_a_stop_begins_to_count_when_that_is_lifted(run: Run) -> None:
    runs.pause(run.pk, actor=make.alice(), now=_at(run, 10))
    halt.halt(actor=make.alice(), reason="a drill", now=_at(run, 20))
    runs.resume(run.pk, actor=make.alice(), now=_at(run, 30))
    assert _seconds(run, 40) == 10.0
    halt.resume(actor=make.alice(), reason="over", now=_at(run, 50))
    assert _seconds(run, 55) == 15.0


def test_lifting_a_stop_starts_no_clock_of_a_run_that_waits(run: Run) -> None:
    runs.park(run.pk, reason="waits", now=_at(run, 10))
    halt.halt(actor=make.alice(), reason="a drill", now=_at(run, 20))
    halt.resume(actor=make.alice(), reason="over", now=_at(run, 30))
    assert _seconds(run, 99) == 10.0


def test_the_time_limit_the_page_and_the_command_count_the_same_seconds(run: Run, client: Client) -> None:
    make.measured_candidates(run, 1.5, 1.6)
    runs.pause(run.pk, actor=make.alice(), now=_at(run, 4))
    run.refresh_from_db()
    much_later = _at(run, 5000)
    client.force_login(make.user("alice"))
    assert loop.spent(run, much_later).seconds == 4.0
    assert run_report.value(run, now=much_later)["seconds"] == 4.0
    assert "2 of 1000 in 4 s" in "\n".join(run_report.lines(run, now=much_later))
    assert "30 evaluations/min" in client.get(f"/runs/{run.pk}/").content.decode()
