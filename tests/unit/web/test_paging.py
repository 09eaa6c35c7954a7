"""Where a reader is in a list, and what a click on a head asks for."""

from __future__ import annotations

import pytest

from webapp.presenters.paging import Pager, columns


@pytest.mark.parametrize(
    ("page", "total", "expected"),
    [
        (1, 0, (1, None, None, 0, 0)),
        (1, 25, (1, None, None, 1, 25)),
        (1, 26, (2, None, 2, 1, 25)),
        (2, 26, (2, 1, None, 26, 26)),
        (3, 80, (4, 2, 4, 51, 75)),
    ],
)
def test_pager(page: int, total: int, expected: tuple[int | None, ...]) -> None:
    pager = Pager("rows", page, 25, total)
    assert (pager.pages, pager.previous, pager.next, pager.first, pager.last) == expected


def test_a_click_sorts_downwards_first_and_then_turns_round() -> None:
    heads = (("Candidate", "number", False), ("Score", "score", True), ("Origin", "", False))
    shown = [(column.sort, column.order) for column in columns(heads, "-score")]
    assert shown == [("-number", ""), ("score", "descending"), ("", "")]
    assert columns(heads, "score")[1].sort == "-score"
