"""The number beside Review: the same as counting the queue, at the price of two queries."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from improvement.models import Candidate, Review, User
from improvement.permissions import Person
from improvement.selectors import reviews
from improvement.selectors.people import person_of
from improvement.services import people
from tests import factories as make

pytestmark = pytest.mark.django_db
EVERYBODY = {"alice": "admin", "bob": "reviewer", "carol": "reviewer", "olga": "operator", "mallory": "viewer"}


def _person(name: str) -> Person:
    return person_of(User.objects.get(username=name))


def _counts() -> dict[str, int]:
    """Count for everybody, after checking each against the whole queue."""
    found = {name: reviews.count_for(_person(name)) for name in EVERYBODY}
    queues = {name: reviews.awaiting(_person(name)) for name in EVERYBODY}
    assert found == {name: sum(one.may_vote and not one.has_voted for one in rows) for name, rows in queues.items()}
    return found


@pytest.fixture
def waiting() -> list[Candidate]:
    """Three candidates in review under the team policy: two of alice's runs, one of bob's."""
    for name, role in EVERYBODY.items():
        make.user(name, role)
    make.follow("team")
    starters = {"first": make.alice(), "second": make.alice(), "third": make.bob()}
    return [make.reviewed_candidate(make.run(make.target(name), actor=who)) for name, who in starters.items()]


def test_nobody_is_asked_about_their_own_under_team(waiting: list[Candidate]) -> None:
    assert _counts() == {"alice": 1, "bob": 2, "carol": 3, "olga": 0, "mallory": 0}


def test_solo_asks_about_ones_own_too(waiting: list[Candidate]) -> None:
    User.objects.filter(role="reviewer").update(role="viewer")
    make.follow("solo")
    assert _counts() == {"alice": 3, "bob": 0, "carol": 0, "olga": 0, "mallory": 0}


def test_who_voted_is_not_asked_again(waiting: list[Candidate]) -> None:
    Review.objects.update(needed=2)
    make.vote(waiting[0], make.carol(), "abstain")
    assert _counts()["carol"] == 2


def test_a_suspended_or_closed_review_asks_nobody(waiting: list[Candidate]) -> None:
    Review.objects.filter(candidate=waiting[0]).update(state=Review.State.SUSPENDED)
    Review.objects.filter(candidate=waiting[1]).update(
        state=Review.State.CLOSED, outcome="rejected", closed_at=timezone.now()
    )
    assert _counts()["carol"] == 1


def test_less_on_one_target_is_less_to_decide(waiting: list[Candidate]) -> None:
    carol = User.objects.get(username="carol").pk
    people.change_role(carol, role="viewer", target_name="first", actor=make.alice(), now=timezone.now())
    assert _counts()["carol"] == 2


def test_who_is_locked_out_has_nothing_to_decide(waiting: list[Candidate]) -> None:
    User.objects.filter(username="carol").update(is_active=False)
    assert _counts()["carol"] == 0


@pytest.mark.parametrize("name", ["alice", "bob", "carol"])
def test_the_count_costs_two_queries_and_reads_no_evidence(waiting: list[Candidate], name: str) -> None:
    person = _person(name)
    asked = []
    for ids in ([waiting[0].pk], [candidate.pk for candidate in waiting]):
        Review.objects.exclude(candidate_id__in=ids).update(state=Review.State.SUSPENDED)
        Review.objects.filter(candidate_id__in=ids).update(state=Review.State.OPEN)
        with CaptureQueriesContext(connection) as captured:
            reviews.count_for(person)
        asked.append([query["sql"] for query in captured])
    assert [len(queries) for queries in asked] == [2, 2]
    assert not any("evidence" in sql.replace("evidence_digest", "") for queries in asked for sql in queries)
