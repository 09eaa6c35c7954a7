"""The stream on a target's page and on Home: the chart, what is proposed, and who may decide."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from improvement.models import RollbackProposal, Serving, ServingStep, Target, User
from improvement.services import proposals
from tests import factories as make
from tests import streaming
from webapp.presenters.stream_page import rolling

pytestmark = pytest.mark.django_db
EVIDENCE = {
    "labels": 40, "first_record": 1, "last_record": 80, "champion": "60.0", "shadow": "80.0",
    "difference": "-20.0", "low": "-30.0", "high": "-9.0", "level": "0.99",
}  # fmt: skip
Browser = Callable[[User | None], Client]


def followed() -> Target:
    """Return a target whose champion was right on 40 labels, then saw a drift, and whose next one was not."""
    on = streaming.target()
    streaming.feed(on, streaming.observations(60))
    _step(Serving.objects.get(), 60, right=1, drifts=[30])
    streaming.move_champion(on, 0.1)
    streaming.feed(on, streaming.observations(60, first=100))
    for one in Serving.objects.all():
        _step(one, 120, right=int(one.role == "shadow"), first=61)
    return on


def _step(one: Serving, last: int, *, right: int, drifts: tuple[int, ...] | list[int] = (), first: int = 1) -> None:
    outcomes = [[number, right] for number in range(first, last + 1)]
    ServingStep.objects.create(
        serving=one, last=last, outcomes=outcomes, drifts=list(drifts), labels=len(outcomes), moved=0.1,
        at=timezone.now(),
    )  # fmt: skip


def proposed(on: Target) -> RollbackProposal:
    roles = {one.role: one.pk for one in Serving.objects.filter(stream__target=on)}
    proposals.propose(roles["champion"], roles["shadow"], evidence=EVIDENCE, summary="worse", now=timezone.now())
    return RollbackProposal.objects.get()


def test_the_page_shows_accuracy_over_time_with_its_marks(signed_in: Browser) -> None:
    followed()
    text = signed_in(make.user("mallory", "viewer")).get("/targets/flow/").content.decode()
    found = re.search(r'<script id="stream-series" type="application/json">(.*?)</script>', text)
    assert found is not None
    series = json.loads(found[1])
    assert series["drifts"] == [30]
    assert [release["x"] for release in series["releases"]] == [60]
    assert series["champion"]["x"][0] == 20
    assert series["champion"]["y"][-2] == 0.0
    assert set(series["shadow"]["y"]) == {100.0, None}
    assert min(x for x in series["shadow"]["x"] if x) > 60
    assert "drifts seen: 1" in text
    assert 'class="shadow" d="M' in text


def test_a_target_without_a_stream_has_no_such_card(signed_in: Browser) -> None:
    make.target()
    text = signed_in(make.user("bob", "reviewer")).get("/targets/small/").content.decode()
    assert "stream-card" not in text
    assert "plotly" not in text


def test_a_proposal_stands_on_home_and_on_the_page_of_those_who_decide(signed_in: Browser) -> None:
    proposed(followed())
    bob, mallory = signed_in(make.user("bob", "reviewer")), signed_in(make.user("mallory", "viewer"))
    assert "does better on the stream" in bob.get("/").content.decode()
    assert "does better on the stream" not in mallory.get("/").content.decode()
    page = bob.get("/targets/flow/").content.decode()
    assert "80.0 %: a difference of \u221220.0 points (99 % interval \u221230.0 to \u22129.0)" in page
    assert "Reason to roll back" in page
    assert "Reason to roll back" not in mallory.get("/targets/flow/").content.decode()


def test_who_may_roll_back_dismisses_it_and_nobody_else(signed_in: Browser) -> None:
    row = proposed(followed())
    path = f"/targets/flow/proposals/{row.pk}/dismiss/"
    for name, role, status in (("mallory", "viewer", 403), ("olga", "operator", 403), ("bob", "reviewer", 302)):
        assert signed_in(make.user(name, role)).post(path, {"reason": "labels were wrong"}).status_code == status
    row.refresh_from_db()
    assert (row.state, row.closed_by, row.reason) == ("dismissed", make.user("bob"), "labels were wrong")
    assert signed_in(make.user("bob")).post(path, {"reason": "again"}).status_code == 409


def test_what_is_stuck_is_shown_to_everybody_and_mended_by_who_may_roll_back(signed_in: Browser) -> None:
    followed()
    roles = {one.role: one.pk for one in Serving.objects.all()}
    Serving.objects.update(problem="Label 4 went too far.", position=60, refused_last=120, refusals=1)
    bob, mallory = signed_in(make.user("bob", "reviewer")), signed_in(make.user("mallory", "viewer"))
    seen, decides = (client.get("/targets/flow/").content.decode() for client in (mallory, bob))
    assert seen.count("does not go on after record 60") == decides.count("does not go on after record 60") == 2
    assert ("Reason to skip" in seen, "Skip records 61 to 120" in decides) == (False, True)
    assert decides.count("Reason to end the shadow") == 1
    skip, end = f"/targets/flow/stream/{roles['champion']}/skip/", f"/targets/flow/stream/{roles['shadow']}/end/"
    asked = {"last": "120", "reason": "a broken sensor"}
    assert [mallory.post(path, asked).status_code for path in (skip, end)] == [403, 403]
    assert [bob.post(skip, {**asked, "last": last}).status_code for last in ("", "x", "٣", "9", "120")] == [
        422, 422, 422, 409, 302,
    ]  # fmt: skip
    assert bob.post(end, asked).status_code == 302
    assert list(Serving.objects.exclude(role="ended").values_list("position", "problem")) == [(120, "")]


def test_the_share_of_the_last_labels_is_counted_in_a_window() -> None:
    outcomes = [(number, int(number <= 30)) for number in range(1, 61)]
    points = dict(rolling(outcomes, 20))
    assert min(points) == 20
    assert (points[20], points[30], points[40], points[50], points[60]) == (100.0, 100.0, 50.0, 0.0, 0.0)
