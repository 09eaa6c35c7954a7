"""Reading a file of rows that somebody has: which bytes, which separator, and one clear line where it is broken."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from improvement.exceptions import TargetError

MOST_BYTES = 15_000_000
MOST_COLUMNS = 2_000
MOST_CELLS = 3_000_000
SEPARATORS = ",;\t|"
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A header and its rows, every cell as text, stripped; a missing one is empty. ``decimal`` is "." or ","."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    decimal: str = "."

    def column(self, name: str) -> list[str]:
        """Return the cells of a column."""
        place = self.names.index(name)
        return [row[place] for row in self.rows]


def check_size(size: int, *, where: str) -> None:
    """Raise TargetError for a file of more bytes than a table may have."""
    if size > MOST_BYTES:
        raise TargetError(
            f"{where} holds {size / 1e6:.1f} MB; a table may have at most {MOST_BYTES // 1_000_000}. "
            "Take a random part of its rows."
        )


def check_cells(cells: int, *, where: str) -> None:
    """Raise TargetError for more cells than a table may have."""
    if cells > MOST_CELLS:
        raise TargetError(
            f"{where}: a target takes at most {MOST_CELLS:,} cells, and here are more. "
            "Take a random part of the rows, or fewer columns."
        )


def read_csv(data: bytes, *, where: str) -> CsvTable:
    """Read separated values with a header; the separator (, ; tab |) is found out from the header.

    Raises TargetError: one sentence with the file, the line where there is one, what is wrong and what to do.
    """
    check_size(len(data), where=where)
    text = _decoded(data, where)
    header, _, _ = text.lstrip("\r\n").partition("\n")
    separator = max(SEPARATORS, key=header.count)
    rows = _cells(text, separator, where)
    if not rows:
        raise TargetError(f"{where} is empty. Its first line has to name the columns.")
    names = _names(rows[0][1], where)
    return CsvTable(names, _body(rows[1:], len(names), where), "," if separator != "," else ".")


def _decoded(data: bytes, where: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TargetError(f"{where} is not UTF-8 text (byte {error.start}). Save it as CSV in UTF-8.") from error
    if "\0" in text:
        raise TargetError(f"{where} is no text: it holds zero bytes. Save it as CSV in UTF-8.")
    return text


def _cells(text: str, separator: str, where: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that has any, with its number."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, cells = [], 0
    try:
        for row in filter(None, reader):
            rows.append((reader.line_num, row))
            cells += len(row)
            check_cells(cells, where=f"{where}, line {reader.line_num}")
    except csv.Error as error:
        raise TargetError(f"{where}, line {reader.line_num}: {error}. Correct that line.") from error
    return rows


def _names(cells: Sequence[str], where: str) -> tuple[str, ...]:
    names = tuple(cell.strip() or f"column {place}" for place, cell in enumerate(cells, start=1))
    if len(names) > MOST_COLUMNS:
        raise TargetError(f"{where} has {len(names):,} columns; at most {MOST_COLUMNS:,} are taken. Leave some out.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TargetError(f"{where} has two columns called {twice[:60]!r}. Rename one of them.")
    return names


def _body(rows: Sequence[tuple[int, list[str]]], width: int, where: str) -> tuple[tuple[str, ...], ...]:
    for line, row in rows:
        if len(row) != width:
            raise TargetError(f"{where}, line {line}: has {len(row)} values, and the header names {width} columns.")
    return tuple(tuple(_cleaned(cell) for cell in row) for _, row in rows)


def _cleaned(cell: str) -> str:
    stripped = cell.strip()
    return "" if stripped.lower() in MISSING else stripped
