"""What surrounds a page can be fetched by itself, also for a page that an order rendered."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from improvement.sandbox import levels
from improvement.sandbox.levels import Probe, Trials
from improvement.services import halt
from tests import factories as make

pytestmark = pytest.mark.django_db
WEAKER = Probe(2, "landlock", ("There are no namespaces.",), ("Allow them.",))
AUDIT = "/audit/%3Fshow%3Deverything"


@pytest.fixture
def alice(client: Client) -> Client:
    """Return a browser in which alice is signed in."""
    make.alice()
    client.force_login(make.user("alice"))
    return client


def test_the_frame_offers_a_stop_that_leads_back_to_the_page(alice: Client) -> None:
    frame = alice.get(f"/frame/?next={AUDIT}").content.decode()
    assert f'href="/stop/?next={AUDIT}"' in frame
    assert "Everything is stopped" not in frame
    elsewhere = alice.get("/frame/?next=https://example.com/").content.decode()
    assert 'href="/stop/?next=/"' in elsewhere


def test_the_frame_tells_of_a_stop_and_nothing_else_of_a_page(alice: Client) -> None:
    halt.halt(actor=make.alice(), reason="a drill", now=timezone.now())
    frame = alice.get("/frame/").content.decode()
    assert "Everything is stopped" in frame
    assert 'id="rail-halt"' in frame
    assert "<html" not in frame


def test_the_frame_counts_what_waits_for_its_reader(alice: Client) -> None:
    assert 'id="rail-count" hidden>0<' in alice.get("/frame/").content.decode()
    make.reviewed_candidate(make.run(actor=make.alice()))
    frame = alice.get("/frame/").content.decode()
    assert 'id="rail-count">1<' in frame


def test_the_frame_leaves_what_a_page_has_to_say_to_the_page(alice: Client) -> None:
    alice.post("/you/keyboard/", {"keys": "on"})
    assert "Single keys are on" not in alice.get("/frame/").content.decode()
    assert "Single keys are on" in alice.get("/you/").content.decode()


def test_every_page_has_a_place_where_a_stop_is_said_aloud(alice: Client) -> None:
    before, _, _ = alice.get("/").content.decode().partition('id="banners"')
    assert '<p class="visually-hidden" role="status" id="around-said"></p>' in before


@pytest.mark.parametrize(("needed", "stopped"), [(3, True), (2, False)])
def test_every_page_tells_of_a_weaker_sandbox_whether_or_not_it_is_accepted(
    alice: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings, needed: int, stopped: bool
) -> None:
    settings.SANDBOX_MIN_LEVEL = needed
    monkeypatch.setattr(levels, "_trials", Trials(lambda: WEAKER))
    page = alice.get("/").content.decode()
    assert "sandbox level 2" in page
    said = [text in page for text in ("Nothing is evaluated on this machine", "Allow them.", "SANDBOX_MIN_LEVEL=2")]
    assert said == [stopped] * 3
    monkeypatch.setattr(levels, "_trials", Trials(lambda: Probe(3, "bubblewrap")))
    assert "sandbox level" not in alice.get("/").content.decode()
