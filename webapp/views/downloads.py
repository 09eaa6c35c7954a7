"""Files that people take away: sent piece by piece, never held whole in memory."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import IO

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

CSV = "text/csv; charset=utf-8"
CHUNK = 64 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Download(StreamingHttpResponse):
    """An answer whose parts are made one at a time, under ASGI too, where Django would first gather them all."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self)
        while (part := await sync_to_async(_next)(parts)) is not None:
            yield part


def download(content: Iterable[bytes] | Iterable[str], kind: str, name: str) -> StreamingHttpResponse:
    """Return content, in parts, as a file to save."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Download(gathered(content), content_type=kind, headers=headers)


def download_file(path: Path, kind: str, name: str) -> StreamingHttpResponse:
    """Return a file to save; its path may be gone before it is read."""
    answer = download([], kind, name)
    answer.streaming_content = _Chunks(path.open("rb"))
    return answer


def gathered(parts: Iterable[bytes] | Iterable[str]) -> Iterator[bytes]:
    """Yield the same bytes in parts of 64 KiB or a little more, so that short lines do not travel alone."""
    waiting = bytearray()
    for part in parts:
        waiting += part.encode() if isinstance(part, str) else part
        if len(waiting) >= CHUNK:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def as_csv(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield rows as lines of CSV; a text that a spreadsheet would run as a formula is made inert."""
    line = csv.writer(_Line())
    return (line.writerow([_inert(cell) for cell in row]) for row in rows)


class _Chunks:
    """What an open file holds, in parts; the answer closes it, read or not."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(CHUNK), b"")

    def close(self) -> None:
        self._file.close()


class _Line:
    """A file for ``csv.writer`` that hands each line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def _next(parts: Iterator[bytes]) -> bytes | None:
    return next(parts, None)


def _inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
