"""The main job in a real browser: watch a loop, read a change, countersign it, see the champion move, prove it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.architecture.sources import PROJECT
from tests.e2e.waiting_reviews import LONG, open_first_review
from tests.integration.start.installation import Installation

_DRAWN = "Number(document.getElementById('chart').dataset.drawn ?? 0) > 0"
_STEPS = "new Set(document.getElementById('chart').data.find(t => t.name === 'approved champion').y).size"
_POINTS = "document.getElementById('chart').data.find(t => t.name === 'evaluated').y"


def test_demo_run_moves_while_it_is_watched(installation: Installation, page: Page) -> None:
    _open_demo_run(installation, page)
    measured = page.locator('[data-figure="evaluations"] [data-part="value"]')
    first = _number(measured.inner_text())

    _until(page, lambda: _number(measured.inner_text()) > first, "the count of evaluations rises")

    assert len(page.evaluate(_POINTS)) > 0


def test_reload_in_the_middle_agrees_with_a_second_browser(
    installation: Installation, page: Page, administrator: object
) -> None:
    _open_demo_run(installation, page)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-state]")).to_contain_text("Paused", timeout=LONG)
    other = page.context.new_page()
    _open_demo_run(installation, other)
    page.wait_for_timeout(1500)

    page.reload()
    _until(page, lambda: page.evaluate(_DRAWN), "the chart is drawn again")

    assert page.evaluate(_POINTS) == other.evaluate(_POINTS)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("[data-state]")).not_to_contain_text("Paused", timeout=LONG)


def test_countersigned_by_keyboard_moves_the_champion_in_another_browser(
    installation: Installation, page: Page, join: Callable[[str, str], Page], tmp_path: Path
) -> None:
    bob = join("bob", "reviewer")
    _open_demo_run(installation, bob)
    before = bob.evaluate(_STEPS)

    candidate = open_first_review(installation, page)
    page.keyboard.press("n")
    page.keyboard.press("a")

    expect(page.get_by_text(f"You countersigned {candidate}")).to_be_visible(timeout=LONG)
    _until(bob, lambda: bob.evaluate(_STEPS) > before, "the champion moves on bob's chart")
    expect(bob.locator("#feed")).to_contain_text(f"countersigned {candidate}", timeout=LONG)
    _export_and_verify(installation, page, tmp_path)


def test_late_decision_says_who_decided(
    installation: Installation, page: Page, join: Callable[[str, str], Page]
) -> None:
    carol = join("carol", "reviewer")
    candidate = open_first_review(installation, page)
    carol.goto(page.url)
    carol.locator("#reason").fill("hard-codes the answer")
    page.locator("#reason").fill("reads well")

    carol.keyboard.press("Escape")
    carol.get_by_role("button", name="Reject").click()
    expect(carol.get_by_text(f"You rejected {candidate}")).to_be_visible(timeout=LONG)
    with page.expect_response(lambda answer: "/decide/" in answer.url) as answered:
        page.get_by_role("button", name="Countersign").click()

    assert answered.value.status == 409
    expect(page.get_by_role("main")).to_contain_text("carol")
    expect(page.get_by_role("main")).to_contain_text("already rejected")


def test_mallory_sees_no_decision_box(installation: Installation, page: Page, join: Callable[[str, str], Page]) -> None:
    open_first_review(installation, page)
    mallory = join("mallory", "viewer")

    mallory.goto(page.url)

    expect(mallory.locator("#decide")).to_have_count(0)


def _until(page: Page, condition: Callable[[], object], what: str) -> None:
    """Wait for a condition while the page lives on; strict pages allow no polling inside them."""
    for _ in range(LONG // 100):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"waited {LONG / 1000:g} s in vain until {what}")


def _open_demo_run(installation: Installation, page: Page) -> None:
    page.goto(installation.url + "/runs/1/")
    _until(page, lambda: page.evaluate(_DRAWN), "the chart is drawn")


def _export_and_verify(installation: Installation, page: Page, tmp_path: Path) -> None:
    page.goto(installation.url + "/audit/")
    with page.expect_download() as download:
        page.get_by_role("button", name="Bundle").click()
    bundle = tmp_path / "trail.tar"
    download.value.save_as(bundle)
    key = tmp_path / "log.vkey"
    key.write_text(installation.manage("audit", "key").stdout, encoding="ascii")
    command = [sys.executable, "-m", "improvement.ledger.verify", str(bundle), "--key", str(key)]
    honest = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert honest.returncode == 0, honest.stdout + honest.stderr
    data = bundle.read_bytes()
    assert data.count(b'"verdict":"approve"') == 1
    bundle.write_bytes(data.replace(b'"verdict":"approve"', b'"verdict":"abstain"'))
    edited = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert edited.returncode == 1, edited.stdout


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text))
