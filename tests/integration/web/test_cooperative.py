"""A target whose candidates share a process with their scoring is marked wherever its results are shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from improvement.models import Target, User
from tests import factories as make
from tests.integration.web.conftest import World

Browsers = Callable[[User | None], Client]
MARK = 'Cooperative<span class="visually-hidden">: candidate and scoring share one process</span>'
PATHS = ("/", "/review/", "/runs/", "/runs/{run}/", "/targets/", "/targets/{target}/", "/candidates/{candidate}/")


def _page(browser: Client, world: World, path: str) -> str:
    return browser.get(path.format(**world.numbers)).content.decode()


@pytest.mark.parametrize("path", PATHS)
def test_results_of_a_cooperative_target_are_marked(world: World, signed_in: Browsers, path: str) -> None:
    bob = signed_in(make.user("bob"))
    assert MARK not in _page(bob, world, path)
    Target.objects.update(isolation="cooperative")
    assert MARK in _page(bob, world, path)


def test_who_starts_a_run_is_told(world: World, signed_in: Browsers) -> None:
    make.target("apart")
    Target.objects.filter(name="small").update(isolation="cooperative")
    bob = signed_in(make.user("bob"))
    page = _page(bob, world, "/runs/new/?target=small")
    assert '<option value="small" selected>small (cooperative)</option>' in page
    assert '<option value="apart">apart</option>' in page
    assert "This target is cooperative" in page
    assert "This target is cooperative" not in _page(bob, world, "/runs/new/?target=apart")
