"""The stop over everything with real processes: what dies, who says so, what pages show, and that all goes on."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.waiting_reviews import LONG
from tests.integration.start.installation import Installation, running
from tests.waiting import wait_until

STOPPED = re.compile("stopped$")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Return an installation of this test's own, in which one person works alone."""
    with running(tmp_path, demo=True) as started:
        yield started


@pytest.fixture
def page(installation: Installation, browser: Browser) -> Iterator[Page]:
    """Return a page of the administrator's browser."""
    with browser.new_context(viewport={"width": 1440, "height": 960}) as context:
        page = context.new_page()
        sign_in(installation, page)
        yield page


def test_a_stop_ends_every_sandbox_is_acknowledged_by_each_process_and_lifting_it_restores_all(
    installation: Installation, page: Page
) -> None:
    watching = page.context.new_page()
    watching.goto(installation.url + "/runs/1/")
    expect(watching.locator("[data-run]")).to_have_attribute("data-connection", "live", timeout=LONG)
    page.goto(installation.url + "/")
    wait_until(lambda: "strategy-" in " ".join(installation.sandboxes()), seconds=30, what="a strategy is at work")

    watching.get_by_role("link", name="Stop", exact=True).focus()
    page.get_by_role("link", name="Stop everything").click()
    page.locator("#dialog-halt-reason").fill("a drill")
    ordered = time.monotonic()
    page.get_by_role("button", name="Stop everything").click()
    wait_until(lambda: not installation.sandboxes(), seconds=10, what="every sandbox is gone")
    assert time.monotonic() - ordered < 3.0  # two seconds, and the click's own way

    expect(watching.locator("[data-state]")).to_contain_text("Halted", timeout=LONG)
    expect(watching.locator("[data-wait]")).to_contain_text("a drill")
    expect(watching.get_by_role("button", name="Pause")).to_have_count(0)
    expect(watching.get_by_role("link", name="Stop", exact=True)).to_be_visible()
    expect(watching.get_by_role("link", name="Stop", exact=True)).to_be_focused()
    expect(watching.locator("#around-said")).to_have_text("Everything is stopped.")
    verified = page.context.new_page()
    verified.goto(installation.url + "/audit/")
    verified.get_by_role("button", name="Verify now").click()
    for seen in (page, watching, verified):
        expect(seen.locator("#banners .chip.ok")).to_have_text([STOPPED, STOPPED], timeout=LONG)
    expect(page.locator("#now")).to_contain_text("Halted")

    (frozen,) = installation.pool("evaluations")
    os.kill(frozen, signal.SIGSTOP)
    try:
        expect(watching.locator("#banners .chip.bad")).to_have_text(
            "evaluations 1 is lost: it stopped answering", timeout=LONG
        )
    finally:
        os.kill(frozen, signal.SIGCONT)
    expect(watching.locator("#banners .chip.bad")).to_have_count(0, timeout=LONG)

    before = watching.locator('[data-figure="evaluations"] [data-part="value"]').inner_text()
    page.get_by_role("link", name="Resume").click()
    page.locator("#halt-reason").fill("the drill is over")
    page.get_by_role("button", name="Resume").click()

    expect(watching.locator("#banners .halt")).to_have_count(0, timeout=LONG)
    for seen in (watching, verified):
        expect(seen.locator("#around-said")).to_have_text("The stop is lifted.", timeout=LONG)
    expect(verified.get_by_role("link", name="Stop everything")).to_be_visible()
    expect(verified.get_by_text("The trail is whole.")).to_be_visible()
    expect(watching.locator("[data-state]")).to_contain_text("Running", timeout=LONG)
    expect(watching.get_by_role("button", name="Pause")).to_be_visible()
    expect(watching.get_by_role("link", name="Stop everything")).to_be_visible()
    expect(watching.locator('[data-figure="evaluations"] [data-part="value"]')).not_to_have_text(before, timeout=LONG)


def test_a_start_under_a_stop_says_so_in_one_line(tmp_path: Path) -> None:
    with running(tmp_path) as before:
        assert before.link
        assert before.manage("halt", "--as", "admin", "--reason", "the disk is full").returncode == 0
    with running(tmp_path) as again:
        said = again.wait_for(
            r"HALTED +everything is stopped since .+ by admin: the disk is full\. Lift it on any page, or"
        )
        assert said
