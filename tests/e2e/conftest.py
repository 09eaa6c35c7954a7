"""One installation for the browser tests of a module, and people signed in to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.integration.start.installation import Installation, running

PASSWORD = "a long enough password"


@pytest.fixture(scope="session", autouse=True)
def synchronous_database_in_this_process() -> None:
    """Playwright keeps an event loop in this thread; the tests themselves read no database through it."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return a running installation with the demo, whose loop has only begun."""
    with running(tmp_path_factory.mktemp("installation"), demo=True) as started:
        yield started


def sign_in(installation: Installation, page: Page) -> None:
    """Sign the administrator in by the printed link."""
    page.goto(installation.link)
    page.get_by_role("button", name="Sign in as").click()
    page.wait_for_url("**/set-password/")
    page.get_by_role("link", name="Later").click()
    page.wait_for_url(installation.url + "/")


@pytest.fixture(scope="module")
def signed_in(installation: Installation, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sign the administrator in by the printed link, once, and return where the browser's state is kept."""
    kept = tmp_path_factory.mktemp("browser") / "administrator.json"
    context = browser.new_context()
    sign_in(installation, context.new_page())
    context.storage_state(path=kept)
    context.close()
    return kept


@pytest.fixture
def administrator(signed_in: Path, browser: Browser) -> Iterator[BrowserContext]:
    """Return a browser in which the administrator is signed in."""
    with browser.new_context(storage_state=signed_in, viewport={"width": 1440, "height": 960}) as context:
        yield context


@pytest.fixture
def page(administrator: BrowserContext) -> Page:
    """Return a page of the administrator's browser."""
    return administrator.new_page()


@pytest.fixture
def join(
    installation: Installation, administrator: BrowserContext, browser: Browser
) -> Iterator[Callable[[str, str], Page]]:
    """Return a function that invites somebody on the Team page and gives a page in that person's own browser."""
    contexts: list[BrowserContext] = []

    def invited(name: str, role: str) -> Page:
        team = administrator.new_page()
        team.goto(installation.url + "/team/")
        team.get_by_label("Name", exact=True).fill(name)
        team.locator(f"input[name=role][value={role}]").check()
        team.get_by_role("button", name="Make an invitation link").click()
        address = team.locator("#invitation").input_value()
        team.close()
        contexts.append(browser.new_context(viewport={"width": 1440, "height": 960}))
        own = contexts[-1].new_page()
        own.goto(address)
        own.get_by_role("button", name="Sign in as").click()
        own.locator("input[name=new]").fill(PASSWORD)
        own.locator("input[name=again]").fill(PASSWORD)
        own.get_by_role("button", name="Set the password").click()
        own.wait_for_url(installation.url + "/")
        return own

    yield invited
    for context in contexts:
        context.close()
