"""Every page as people meet it: no accessibility violations or console errors, wide and narrow, in both schemes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.architecture.sources import PROJECT
from tests.integration.start.installation import Installation

PAGES = (
    "/", "/review/", "/runs/", "/runs/new/", "/runs/1/", "/targets/", "/targets/new/", "/targets/new/table/",
    "/targets/circle-packing/",
    "/strategies/", "/models/", "/models/new/", "/audit/", "/team/", "/you/", "/stop/", "/nothing-here/",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_have_no_violations(
    installation: Installation, signed_in: Path, browser: Browser, scheme: str, width: int
) -> None:
    problems = []
    with browser.new_context(
        storage_state=signed_in, color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on(
            "console", lambda message: problems.append(f"{page.url}: {message.text}") if _is_ours(message) else None
        )
        for path in (*PAGES, _first_candidate(installation, page)):
            page.goto(installation.url + path)
            page.wait_for_load_state("networkidle" if path != "/runs/1/" else "load")
            problems += [f"{path}: {one['id']}: {one['help']}" for one in Axe().run(page).response["violations"]]
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            problems += [f"{path}: {overflow} px wider than the window"] if overflow > 0 else []

    assert problems == []


def test_signed_out_people_are_asked_to_sign_in(installation: Installation, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()

        page.goto(installation.url + "/runs/1/")

        assert page.url == installation.url + "/sign-in/?next=/runs/1/"


def test_readme_picture(installation: Installation, page: Page, tmp_path: Path) -> None:
    """Take the picture that the README shows; it is only kept when asked for, so that a test run changes no file."""
    page.goto(installation.url + _first_candidate(installation, page, says="the holdout agrees"))
    page.wait_for_load_state("networkidle")
    wanted = os.environ.get("COUNTERSIGN_README_PICTURE")
    path = PROJECT / "docs" / "images" / "review.png" if wanted else tmp_path / "review.png"

    page.screenshot(path=path)

    assert path.stat().st_size > 20_000


def _is_ours(message: object) -> bool:
    text = str(getattr(message, "text", ""))
    return getattr(message, "type", "") == "error" and "404" not in text


def _first_candidate(installation: Installation, page: Page, says: str = "") -> str:
    for _ in range(60):
        page.goto(installation.url + "/review/")
        links = page.locator("[data-item]", has_text=says).locator("a[href^='/candidates/']")
        if links.count():
            return str(links.first.get_attribute("href"))
        page.wait_for_timeout(1000)
    raise AssertionError("no candidate reached review within a minute")
