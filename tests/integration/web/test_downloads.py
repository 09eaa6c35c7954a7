"""Files that people take away travel in parts, over the server's own protocol too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse

from webapp.views.downloads import CHUNK, as_csv, download


def _arriving(answer: StreamingHttpResponse) -> list[bytes]:
    async def take() -> list[bytes]:
        return [part async for part in answer]

    return async_to_sync(take)()


def test_a_download_asks_for_the_next_part_only_when_the_last_one_was_taken() -> None:
    made: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"x" * CHUNK

    async def first() -> bytes:
        async for part in download(parts(), "text/plain", "x.txt"):
            return part
        return b""

    assert (len(asyncio.run(first())), made) == (CHUNK, [0])


def test_short_lines_travel_together() -> None:
    answer = download((f"{number}\n" for number in range(50_000)), "text/plain", "numbers.txt")
    parts = _arriving(answer)
    assert b"".join(parts) == b"".join(b"%d\n" % number for number in range(50_000))
    assert len(parts) == 5


def test_an_empty_download_has_no_parts() -> None:
    assert _arriving(download([], "text/plain", "none.txt")) == []


def test_rows_become_lines_one_by_one_and_no_formula() -> None:
    assert list(as_csv([("a", 1), ("=SUM(A1)", None), ('say "so", he said', -2.5)])) == [
        "a,1\r\n",
        "'=SUM(A1),\r\n",
        '"say ""so"", he said",-2.5\r\n',
    ]
