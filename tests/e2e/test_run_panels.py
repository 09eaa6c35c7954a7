"""The panels of a run are drawn with data, follow the run, and break no rule of the page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.integration.start.installation import Installation

WATCH_THE_RULES = """
globalThis.broken = [];
const note = ({ violatedDirective, blockedURI }) => broken.push(`${violatedDirective} ${blockedURI}`);
document.addEventListener("securitypolicyviolation", note);
"""


def test_the_learning_curves_are_drawn_and_follow_the_run(installation: Installation, page: Page) -> None:
    page.add_init_script(WATCH_THE_RULES)
    page.goto(installation.url + "/runs/1/")
    chart = page.locator("#plot-curves")
    expect(chart).to_have_attribute("data-drawn", "1", timeout=90_000)  # the demo's third generation
    expect(chart.locator(".scatterlayer .trace")).to_have_count(3)
    page.get_by_role("region", name="Learning by generation").get_by_text("As a table").click()
    expect(page.get_by_role("table", name="Learning by generation")).to_be_visible()
    expect(chart).not_to_have_attribute("data-drawn", "1", timeout=60_000)
    expect(page.get_by_role("table", name="Learning by generation")).to_be_visible()
    assert page.evaluate("broken") == []
