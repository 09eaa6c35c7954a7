"""Opening what waits for review in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.integration.start.installation import Installation

LONG = 90_000


def open_first_review(installation: Installation, page: Page) -> str:
    """Open the first candidate of the queue that one person can release, as soon as there is one; return its name."""
    for _ in range(60):
        page.goto(installation.url + "/review/")
        waiting = page.locator("[data-item]", has_text="0 of 1").get_by_role("link", name="Review")
        if waiting.count():
            break
        page.wait_for_timeout(1000)
    waiting.first.click()
    page.wait_for_url(re.compile(r"/candidates/\d+/"))
    expect(page.locator("#decide")).to_be_visible(timeout=LONG)
    return "C-" + page.url.rstrip("/").rsplit("/", 1)[1]
