"""What processes of workers say of a stop, and what is remembered of those that fall silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from webapp import heartbeats
from webapp.heartbeats import Acknowledgement

ONE, TWO = "evaluations@here/1", "evaluations@here/2"


@pytest.fixture(autouse=True)
def nobody_before(redis_url: str) -> Iterator[None]:
    yield
    for name in (ONE, TWO):
        heartbeats.forget_process(name)


def test_each_process_answers_for_itself() -> None:
    heartbeats.record_process(ONE, stopped=True)
    heartbeats.record_process(TWO, stopped=False)
    assert heartbeats.acknowledgements(timezone.now(), now=timezone.now()) == (
        Acknowledgement(ONE, stopped=True, lost=False),
        Acknowledgement(TWO, stopped=False, lost=False),
    )


def test_one_that_falls_silent_under_a_stop_stays_and_is_lost_until_it_is_back() -> None:
    ordered_at = timezone.now()
    heartbeats.record_process(ONE, stopped=True)
    much_later = ordered_at + timedelta(hours=1)
    assert heartbeats.acknowledgements(ordered_at, now=much_later) == (Acknowledgement(ONE, stopped=True, lost=True),)
    heartbeats.record_process(ONE, stopped=True)
    back = Acknowledgement(ONE, stopped=True, lost=False)
    assert heartbeats.acknowledgements(ordered_at, now=timezone.now()) == (back,)


def test_one_that_was_lost_before_the_stop_is_not_waited_for() -> None:
    heartbeats.record_process(ONE, stopped=False)
    assert heartbeats.acknowledgements(timezone.now() + timedelta(hours=1), now=timezone.now()) == ()


def test_one_that_ends_in_order_is_taken_off_the_list() -> None:
    heartbeats.record_process(ONE, stopped=False)
    heartbeats.forget_process(ONE)
    assert heartbeats.acknowledgements(timezone.now(), now=timezone.now()) == ()
