"""Quarantined candidates have a place: whoever may decide about one finds it at home, in the queue and in the rail."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from improvement.models import Candidate, Run, User
from improvement.selectors import reviews
from improvement.selectors.people import person_of
from improvement.services import people
from tests import factories as make
from tests.small_target import BOUND

Browsers = Callable[[User | None], Client]

pytestmark = pytest.mark.django_db
TITLE = "Scores above what is possible"
OWN, ROLE = "you started or edited this", "your role does not include reviewing"
EVERYBODY = {"alice": "admin", "bob": "reviewer", "carol": "reviewer", "olga": "operator", "mallory": "viewer"}


def put_aside(run: Run) -> Candidate:
    """Return a candidate that measured better than can be true."""
    (candidate,) = make.measured_candidates(run, BOUND + 1.0)
    return candidate


def section(page: str) -> str:
    """Return the part of a page about quarantined candidates; empty when there is none."""
    return page.partition(TITLE)[2].partition("</section>")[0]


@pytest.fixture
def suspect() -> Candidate:
    """A quarantined candidate of a run of alice's, under the team policy."""
    for name, role in EVERYBODY.items():
        make.user(name, role)
    make.follow("team")
    return put_aside(make.run(actor=make.alice()))


@pytest.mark.parametrize(
    ("name", "at_home", "counted", "why_not"),
    [
        ("alice", False, 0, OWN),
        ("bob", True, 1, ""),
        ("carol", True, 1, ""),
        ("olga", False, 0, ROLE),
        ("mallory", False, 0, ROLE),
    ],
)
def test_each_finds_what_they_may_decide(
    suspect: Candidate, signed_in: Browsers, name: str, at_home: bool, counted: int, why_not: str
) -> None:
    browser = signed_in(User.objects.get(username=name))
    home, queue = (browser.get(path).content.decode() for path in ("/", "/review/"))
    assert (f"C-{suspect.pk}" in section(home)) is at_home
    assert ("1 decision waits for you" in home) is at_home
    assert f"C-{suspect.pk}" in section(queue)
    assert why_not in section(queue)
    assert (">Decide<span" in section(queue)) is (why_not == "")
    assert re.findall(r'id="rail-count">(\d+)', queue) == ([str(counted)] if counted else [])


def test_without_any_nothing_is_said_of_them(signed_in: Browsers) -> None:
    browser = signed_in(make.user("bob", "reviewer"))
    make.reviewed_candidate(make.run())
    assert [section(browser.get(path).content.decode()) for path in ("/", "/review/")] == ["", ""]


def test_solo_asks_about_ones_own_too(suspect: Candidate) -> None:
    User.objects.filter(role="reviewer").update(role="viewer")
    make.follow("solo")
    assert reviews.count_to_clear(person_of(User.objects.get(username="alice"))) == 1


def test_less_on_one_target_is_less_to_decide(suspect: Candidate) -> None:
    carol, name = User.objects.get(username="carol"), suspect.target.name
    people.change_role(carol.pk, role="viewer", target_name=name, actor=make.alice(), now=timezone.now())
    assert reviews.count_to_clear(person_of(carol)) == 0


@pytest.mark.parametrize("path", ["/", "/review/"])
def test_three_cost_what_one_does(suspect: Candidate, signed_in: Browsers, path: str) -> None:
    bob = signed_in(User.objects.get(username="bob"))
    asked = []
    for others in ((), ("second", "third")):
        for name in others:
            put_aside(make.run(make.target(name), actor=make.alice()))
        bob.get(path)
        with CaptureQueriesContext(connection) as captured:
            shown = bob.get(path).content.decode()
        asked.append((len(captured), section(shown).count("data-item")))
    assert asked == [(asked[0][0], 1), (asked[0][0], 3)]


def test_a_page_keeps_the_place_of_the_question_and_asks_by_itself_where_no_run_tells(
    suspect: Candidate, signed_in: Browsers
) -> None:
    bob, path = signed_in(User.objects.get(username="bob")), f"/candidates/{suspect.pk}/"
    asked = bob.get(path).content.decode()
    assert '<div id="suspicion"><section' in asked.replace("\n", "")
    assert 'data-moving="no"' in asked
    Candidate.objects.filter(pk=suspect.pk).update(run=None)
    assert 'data-moving="yes"' in bob.get(path).content.decode()
    Candidate.objects.filter(pk=suspect.pk).update(state="rejected")
    assert '<div id="suspicion" hidden></div>' in bob.get(path).content.decode()


def test_a_page_says_a_candidates_last_step_where_everybody_reads_it(suspect: Candidate, signed_in: Browsers) -> None:
    Candidate.objects.filter(pk=suspect.pk).update(note="swap two <lines>")
    page = signed_in(User.objects.get(username="mallory")).get(f"/candidates/{suspect.pk}/").content.decode()
    assert '<p class="small muted">Its last step: swap two &lt;lines&gt;</p>' in page
    assert 'title="Its last step' not in page
