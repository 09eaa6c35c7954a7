"""Lists cost the same number of queries however long they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from improvement.models import Candidate, Review, User
from improvement.runner.releasing import finish_release
from improvement.services import language_models
from improvement.services.actors import human
from tests import factories as make
from tests import questions
from tests.integration.web.conftest import World
from tests.model_server import KEY, ModelServer

Browsers = Callable[[User | None], Client]


def _queries(browser: Client, path: str) -> int:
    browser.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    return len(captured)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/review/", "/runs/", "/targets/", "/audit/", "/team/"])
def test_a_list_costs_the_same_with_one_row_and_with_three(signed_in: Browsers, path: str) -> None:
    bob = signed_in(make.user("bob", "reviewer"))
    make.reviewed_candidate(make.run(make.target("first")))
    one = _queries(bob, path)
    for name in ("second", "third"):
        make.reviewed_candidate(make.run(make.target(name)))
        make.user(f"friend-of-{name}", "viewer")
    assert _queries(bob, path) == one


def test_the_models_cost_the_same_with_one_and_with_three(signed_in: Browsers, world: World) -> None:
    bob = signed_in(make.user("bob", "reviewer"))
    with ModelServer() as server:
        counts = []
        for sequence, name in enumerate(("first", "second", "third")):
            language_models.add(server.config(name=name), key=KEY, actor=make.alice(), now=timezone.now())
            questions.answered_question(world.run, server.config(name=name), place=sequence)
            counts.append(_queries(bob, "/models/"))
    assert counts == [counts[0]] * 3


TABS = ("changes", "evidence", "log", "lineage")
RUN_TABS = ("candidates", "history", "logs", "policy")


@pytest.mark.django_db
@pytest.mark.parametrize("tab", RUN_TABS)
def test_a_runs_page_costs_the_same_with_one_candidate_and_with_many(signed_in: Browsers, tab: str) -> None:
    short, long = make.run(make.target("short")), make.run(make.target("long"))
    mallory = signed_in(make.user("mallory", "viewer"))
    make.measured_candidates(short, 1.5)
    make.measured_candidates(long, 1.5, 1.6, 1.7, 1.8)
    one, many = (_queries(mallory, f"/runs/{run.pk}/?tab={tab}") for run in (short, long))
    assert one == many
    make.reviewed_candidate(long, 2.0)
    make.vote(make.reviewed_candidate(long, 3.0), make.bob(), "abstain")
    assert _queries(mallory, f"/runs/{long.pk}/?tab={tab}") == many


@pytest.mark.django_db
@pytest.mark.parametrize("tab", TABS)
def test_a_candidates_page_costs_the_same_however_many_votes_relatives_and_reviews_there_are(
    signed_in: Browsers, tab: str
) -> None:
    make.alice(), make.bob(), make.carol()
    make.follow("team")
    run, carol = make.run(make.target("first")), signed_in(make.user("carol"))
    candidate = make.reviewed_candidate(run)
    Review.objects.update(needed=3, tier="high")
    path = f"/candidates/{candidate.pk}/?tab={tab}"
    make.vote(candidate, make.bob(), "abstain")
    one = _queries(carol, path)

    for name in ("dave", "erin", "frank"):
        make.vote(candidate, human(make.user(name, "reviewer")), "abstain")
    children = make.measured_candidates(run, 1.5, 1.6, 1.7)
    Candidate.objects.filter(pk__in=[child.pk for child in children]).update(parents=[candidate.number])
    for name in ("second", "third"):
        make.vote(make.reviewed_candidate(make.run(make.target(name))), make.bob(), "abstain")

    assert _queries(carol, path) == one


@pytest.mark.django_db
def test_a_candidates_page_costs_the_same_with_one_parent_and_with_three(signed_in: Browsers) -> None:
    run, bob = make.run(), signed_in(make.user("bob", "reviewer"))
    *parents, child = make.measured_candidates(run, 1.5, 1.6, 1.7, 1.8)
    path = f"/candidates/{child.pk}/?tab=lineage"
    found = []
    for many in (1, 3):
        Candidate.objects.filter(pk=child.pk).update(parents=[parent.number for parent in parents[:many]])
        found.append(_queries(bob, path))
    assert found[0] == found[1]


@pytest.mark.django_db
def test_a_targets_page_costs_the_same_with_one_run_and_release_and_with_three(signed_in: Browsers) -> None:
    target, bob = make.target(), signed_in(make.user("bob", "reviewer"))
    path = f"/targets/{target.name}/"

    def release(value: float) -> None:
        make.vote(make.reviewed_candidate(make.run(target), value), make.alice())
        finish_release(make.intended_release(target).pk)

    release(2.0)
    one = _queries(bob, path)
    release(3.0)
    release(4.0)
    assert _queries(bob, path) == one
