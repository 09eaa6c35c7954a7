"""Comments on lines of a change in a real browser, by keyboard alone, and seen at once by others who read it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.waiting_reviews import LONG, open_first_review
from tests.integration.start.installation import Installation


def test_a_line_is_spoken_of_by_keyboard_resolved_by_another_and_then_countersigned(
    installation: Installation, page: Page, join: Callable[[str, str], Page]
) -> None:
    carol = join("carol", "reviewer")
    name = open_first_review(installation, page)
    carol.goto(page.url)
    expect(page.locator("#decide [value=approve]")).to_be_visible()

    page.keyboard.press("n")
    page.keyboard.press("m")
    expect(page.locator("#saying-text")).to_be_focused(timeout=LONG)
    page.keyboard.type("Why this number?")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"#thread-\d+$"), timeout=LONG)
    expect(page.locator(".diff .thread .words")).to_have_text("Why this number?")
    expect(page.locator("#decide")).to_contain_text("Nobody can countersign while 1 comment on the change is open")
    expect(page.locator("#decide [value=approve]")).to_have_count(0)

    thread = carol.locator(".diff .thread")
    expect(thread).to_contain_text("Why this number?", timeout=LONG)
    thread.get_by_text("Answer", exact=True).first.click()
    thread.get_by_label("Your answer").fill("It is the measured optimum.")
    thread.get_by_role("button", name="Answer").click()
    expect(carol.locator(".diff .thread .words")).to_have_text(["Why this number?", "It is the measured optimum."])
    carol.locator(".diff .thread").get_by_role("button", name="Resolve").click()
    expect(carol.locator(".diff .thread")).to_contain_text("Resolved by carol", timeout=LONG)

    expect(page.locator(".diff .thread")).to_contain_text("Resolved by carol", timeout=LONG)
    page.goto(page.url.partition("#")[0])
    page.get_by_role("button", name="Countersign").click()
    expect(page.get_by_text(f"You countersigned {name}.")).to_be_visible(timeout=LONG)
