"""The run page keeps itself alive: what fails once is tried again."""

from __future__ import annotations

from itertools import count

from playwright.sync_api import Page, Route, expect

from tests.integration.start.installation import Installation

BREAK_THE_FIRST_DRAW = """
addEventListener("DOMContentLoaded", () => {
  const { react } = Plotly;
  Plotly.react = (...given) => {
    Plotly.react = react;
    document.documentElement.dataset.broken = "once";
    throw new Error("a draw that fails");
  };
});
"""


def test_a_page_whose_first_answer_fails_asks_again_and_follows(installation: Installation, page: Page) -> None:
    numbers = count()

    def fail_first(route: Route) -> None:
        if next(numbers) < 2:
            route.fulfill(status=503, body="away")
        else:
            route.continue_()

    page.route("**/runs/1/live/**", fail_first)
    with page.expect_websocket(timeout=15_000) as followed:
        page.goto(installation.url + "/runs/1/")
    assert followed.value.url.endswith("/ws/runs/1/")
    expect(page.locator("[data-run]")).to_have_attribute("data-connection", "live")
    assert next(numbers) > 2


def test_a_draw_that_fails_does_not_freeze_the_chart(installation: Installation, page: Page) -> None:
    page.add_init_script(BREAK_THE_FIRST_DRAW)
    page.goto(installation.url + "/runs/1/")
    expect(page.locator("html")).to_have_attribute("data-broken", "once", timeout=15_000)
    page.emulate_media(color_scheme="dark")  # asks for a draw, as every event does
    expect(page.locator("#chart")).to_have_attribute("data-drawn", "1", timeout=15_000)
