"""Files that people take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from django.http import HttpResponse

CSV = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def download(content: bytes | str, kind: str, name: str) -> HttpResponse:
    """Return content as a file to save.

    It is answered whole: under ASGI Django would read a synchronous stream into memory all the same.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=kind, headers=headers)


def as_csv(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV; a text that a spreadsheet would run as a formula is made inert."""
    out = io.StringIO()
    csv.writer(out).writerows([_inert(cell) for cell in row] for row in rows)
    return out.getvalue()


def _inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
