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
