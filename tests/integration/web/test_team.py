"""The Team page: locking out and letting in again, and less on one target."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from improvement.models import TargetRole, User
from tests import factories as make
from tests.integration.web.conftest import World

Browsers = Callable[[User | None], Client]


def _page(browser: Client) -> str:
    return browser.get("/team/").content.decode()


def test_who_is_locked_out_is_out_at_once_and_may_be_let_in_again(world: World, signed_in: Browsers) -> None:
    alice, bob, number = signed_in(make.user("alice")), signed_in(make.user("bob")), make.user("bob").pk

    assert alice.post(f"/team/{number}/lock/").headers["Location"] == "/team/"
    assert bob.get("/").headers["Location"].startswith("/sign-in/")
    page = _page(alice)
    assert "Locked out" in page
    assert f"/team/{number}/unlock/" in page
    assert f"/team/{number}/lock/" not in page

    alice.post(f"/team/{number}/unlock/")
    assert signed_in(make.user("bob")).get("/").status_code == 200
    assert f"/team/{number}/lock/" in _page(alice)


def test_nobody_locks_themselves_out(world: World, signed_in: Browsers) -> None:
    alice = signed_in(make.user("alice"))
    own = f"/team/{make.user('alice').pk}/lock/"
    assert own not in _page(alice)
    assert alice.post(own).status_code == 403
    assert alice.get("/").status_code == 200


def test_a_role_is_narrowed_on_one_target_listed_and_lifted(world: World, signed_in: Browsers) -> None:
    alice, name = signed_in(make.user("alice")), world.run.target.name
    asked = {"person": str(make.user("bob").pk), "target": name, "role": "viewer"}

    alice.post("/team/narrow/", asked)
    assert TargetRole.objects.values_list("user__username", "target__name", "role").get() == ("bob", name, "viewer")
    assert f'viewer on <a href="/targets/{name}/">{name}</a>' in _page(alice)
    assert "reviewing" in signed_in(make.user("bob")).get(f"/candidates/{world.candidate.pk}/").content.decode()

    alice.post("/team/narrow/", asked | {"role": ""})
    assert not TargetRole.objects.exists()
    assert "viewer on" not in _page(alice)


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"person": ""}, 422), ({"person": "999999"}, 404), ({"target": "nowhere"}, 404), ({"role": "king"}, 422)],
)
def test_what_cannot_be_narrowed_is_refused(
    world: World, signed_in: Browsers, changed: dict[str, str], status: int
) -> None:
    asked = {"person": str(make.user("bob").pk), "target": world.run.target.name, "role": "viewer"}
    assert signed_in(make.user("alice")).post("/team/narrow/", asked | changed).status_code == status
    assert not TargetRole.objects.exists()


def test_only_who_manages_people_is_offered_it(world: World, signed_in: Browsers) -> None:
    page = _page(signed_in(make.user("bob")))
    assert "/lock/" not in page
    assert "/team/narrow/" not in page


NOTE = "As soon as a second person may review"
CHANGED = "A second person may review now, so the policy is team v2"


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["reviewer", "admin"])
def test_a_second_reviewer_changes_the_policy_and_the_page_says_so_before_and_after(
    signed_in: Browsers, role: str
) -> None:
    alice = signed_in(make.user("alice"))
    before = _page(alice)
    after = alice.post("/team/invite/", {"name": "bob", "role": role}).content.decode()
    assert (NOTE in before, CHANGED in before) == (True, False)
    assert (NOTE in after, CHANGED in after) == (False, True)
    assert '<a href="/team/#policy">See the policy</a>' in after
    assert CHANGED not in _page(alice)


@pytest.mark.django_db
def test_a_role_that_makes_a_second_reviewer_says_so_too(signed_in: Browsers) -> None:
    alice, mallory = signed_in(make.user("alice")), make.user("mallory", "viewer")
    assert CHANGED not in alice.post("/team/invite/", {"name": "dave", "role": "operator"}).content.decode()
    path = f"/team/{mallory.pk}/role/"
    assert CHANGED in alice.post(path, {"role": "reviewer"}, follow=True).content.decode()


@pytest.mark.django_db
def test_under_the_team_policy_another_reviewer_changes_nothing(signed_in: Browsers) -> None:
    alice = signed_in(make.user("alice"))
    make.follow("team")
    assert NOTE not in _page(alice)
    assert (
        "so the policy is team" not in alice.post("/team/invite/", {"name": "bob", "role": "reviewer"}).content.decode()
    )
