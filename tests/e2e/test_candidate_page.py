"""A candidate's page follows what is decided, and takes nothing away from who reads or types."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.waiting_reviews import LONG, open_first_review
from tests.integration.start.installation import Installation


def test_a_key_held_down_decides_once_and_the_page_follows_to_the_release(
    installation: Installation, page: Page
) -> None:
    open_first_review(installation, page)
    address = page.url
    page.evaluate(WATCH_THE_BANNER)

    for _ in range(3):
        page.keyboard.down("a")
    page.keyboard.up("a")

    expect(page.get_by_text("Nothing more is needed: it is released at once.")).to_be_visible(timeout=LONG)
    page.evaluate(WATCH_THE_BANNER)
    expect(page.locator("#standing")).to_contain_text("Released", timeout=LONG)
    expect(page.locator("#decision")).to_contain_text(re.compile("Released: the champion is now [0-9a-f]{7}"))
    assert page.url == address
    assert page.evaluate(TOLD_MEANWHILE) is False


def test_what_somebody_types_stays_when_another_decides(
    installation: Installation, page: Page, join: Callable[[str, str], Page]
) -> None:
    bob = join("bob", "reviewer")
    open_first_review(installation, page)
    bob.goto(page.url)
    page.locator("#reason").fill("I was about to say")

    bob.locator("#reason").fill("too clever")
    bob.get_by_role("button", name="Reject").click()

    expect(page.locator("#moved-on")).to_be_visible(timeout=LONG)
    expect(page.locator("#standing")).to_contain_text("Rejected")
    assert page.locator("#reason").input_value() == "I was about to say"
    expect(bob.locator("#moved-on")).to_be_hidden()


def test_who_types_nothing_sees_the_decision_of_another(
    installation: Installation, page: Page, join: Callable[[str, str], Page]
) -> None:
    carol = join("carol", "reviewer")
    open_first_review(installation, page)
    carol.goto(page.url)

    carol.locator("#reason").fill("too clever")
    carol.get_by_role("button", name="Reject").click()

    expect(page.locator("#decision")).to_contain_text("carol rejected", timeout=LONG)
    expect(page.locator("#decide")).to_have_count(0)
    expect(page.locator("#moved-on")).to_be_hidden()


WATCH_THE_BANNER = """() => {
  const banner = document.getElementById("moved-on");
  document.documentElement.dataset.told = String(!banner.hidden);
  new MutationObserver(() => (document.documentElement.dataset.told = String(!banner.hidden)))
    .observe(banner, { attributes: true });
}"""
TOLD_MEANWHILE = "document.documentElement.dataset.told === 'true'"
