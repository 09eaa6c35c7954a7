"""Taking turns at a model, and when to try again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from improvement.broker.pace import AHEAD_SECONDS, Pace
from improvement.broker.patience import LONGEST_PAUSE, pause, retry_after, worth_another_try
from improvement.exceptions import ModelFailed

NOW = 1_800_000_000.0


def test_turns_come_ten_seconds_ahead_and_then_evenly(tmp_path: Path) -> None:
    pace = Pace(60, tmp_path / "small.pace")
    waits = [pace.reserve(now=NOW, most=60) for _ in range(13)]
    assert waits == [0.0] * int(AHEAD_SECONDS) + [1.0, 2.0, 3.0]


def test_processes_share_the_turns_of_a_model(tmp_path: Path) -> None:
    one, other = (Pace(6, tmp_path / "shared.pace") for _ in range(2))
    assert [pace.reserve(now=NOW, most=60) for pace in (one, other, one)] == [0.0, 10.0, 20.0]


def test_a_turn_that_comes_too_late_is_left_to_others(tmp_path: Path) -> None:
    pace = Pace(6, tmp_path / "pace")
    assert pace.reserve(now=NOW, most=60) == 0.0
    with pytest.raises(ModelFailed, match="6 requests a minute"):
        pace.reserve(now=NOW, most=9.0)
    assert pace.reserve(now=NOW, most=10.0) == 10.0


@pytest.mark.parametrize("kept", ["", "nonsense", "nan", "inf", "-5"])
def test_a_spoiled_file_begins_anew(tmp_path: Path, kept: str) -> None:
    (tmp_path / "pace").write_text(kept)
    pace = Pace(6, tmp_path / "pace")
    assert [pace.reserve(now=NOW, most=60) for _ in range(2)] == [0.0, 10.0]


def test_a_clock_that_was_set_back_does_not_block_for_ever(tmp_path: Path) -> None:
    pace = Pace(60, tmp_path / "pace")
    pace.reserve(now=NOW, most=1)
    assert pace.reserve(now=NOW - 10_000_000, most=3600) <= 3600


@pytest.mark.parametrize(
    ("status", "again"), [(429, True), (500, True), (529, True), (408, True), (400, False), (302, False)]
)
def test_what_is_worth_another_try(status: int, again: bool) -> None:
    assert worth_another_try(status) is again


def test_pauses_double_with_some_chance_in_them() -> None:
    assert [pause(tried, asked=None, spread=1.0) for tried in (1, 2, 3)] == [1.0, 2.0, 4.0]
    assert [pause(tried, asked=None, spread=0.0) for tried in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert pause(50, asked=None, spread=1.0) == LONGEST_PAUSE


def test_a_pause_is_as_long_as_the_server_asks_for() -> None:
    assert pause(1, asked=7.0, spread=0.0) == 7.0
    assert pause(1, asked=600.0, spread=0.0) == 600.0
    assert pause(3, asked=0.0, spread=1.0) == 4.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, datetime(2026, 10, 21, 7, 27, 30, tzinfo=UTC)) == seconds
