"""How numbers, times and states are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from improvement.policies import Tier
from improvement.states import CandidateState, RunState
from webapp.presenters import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.514, "2.5140"),
        (-0.0159, "−0.0159"),
        (1284.5, "1,284.5000"),
        (0.0, "0.0000"),
        (0.00001234, "1.23e−05"),
        (25_000_000.0, "2.5e+07"),
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.1072, "+0.1072"), (-0.3, "−0.3000"), (0.0, "0"), (None, "–")])
def test_signed(value: float | None, text: str) -> None:
    assert words.signed(value) == text


@pytest.mark.parametrize(
    ("now", "start", "text"),
    [
        (2.514, 1.5528, "+61.9 %"),
        (0.9, 1.0, "−10.0 %"),
        (-1.0, -2.0, "+50.0 %"),
        (1.0, 1.0, ""),
        (1.0, 0.0, ""),
        (None, 1.0, ""),
    ],
)
def test_percent_change(now: float | None, start: float | None, text: str) -> None:
    assert words.percent_change(now, start) == text


@pytest.mark.parametrize(("better", "expected"), [("higher", True), ("lower", False)])
def test_improves_depends_on_the_direction(better: str, expected: bool) -> None:
    assert words.improves(2.0, 1.0, better) is expected
    assert words.improves(1.0, 1.0, better) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.61, "0.61 s"), (38.0, "38 s"), (2304.0, "38.4 min"), (7500.0, "2 h 5 min"), (None, "–")]
)
def test_seconds(seconds: float | None, text: str) -> None:
    assert words.seconds(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (12, "12 s ago"),
        (360, "6 min ago"),
        (10_800, "3 h ago"),
        (86_400, "1 day ago"),
        (200_000, "2 days ago"),
        (-5, "just now"),
    ],
)
def test_ago(seconds: int, text: str) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert words.ago(now - timedelta(seconds=seconds), now) == text


def test_every_state_and_tier_has_a_glyph_and_a_word() -> None:
    chips = [words.run_chip(state) for state in RunState]
    chips += [words.candidate_chip(state) for state in CandidateState]
    chips += [words.tier_chip(tier) for tier in Tier]
    assert all(chip.text for chip in chips)
    assert all(chip.icon or chip.tone == "live" for chip in chips)


def test_ends_shows_both_ends() -> None:
    assert words.ends("7c1f" + "a" * 56 + "e02b") == "7c1faaaa…e02b"
    assert words.ends("short") == "short"
