"""Lists cost the same number of queries however long they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from improvement.models import User
from tests import factories as make

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


@pytest.mark.django_db
def test_a_runs_page_costs_the_same_with_one_candidate_and_with_many(signed_in: Browsers) -> None:
    short, long = make.run(make.target("short")), make.run(make.target("long"))
    mallory = signed_in(make.user("mallory", "viewer"))
    make.measured_candidates(short, 1.5)
    make.measured_candidates(long, 1.5, 1.6, 1.7, 1.8)
    assert _queries(mallory, f"/runs/{short.pk}/") == _queries(mallory, f"/runs/{long.pk}/")
