"""What the columns of a table hold, and which of them a model should not learn from."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from improvement.exceptions import TargetError

NUMBER, CATEGORY, DATE, TEXT = "number", "category", "date", "text"
MOST_CATEGORIES = 50
WORDS_OF_A_TEXT = 3.0
ALMOST_ALL = 0.95

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DAYS = ("%Y/%m/%d", "%d.%m.%Y")


@dataclass(frozen=True, slots=True)
class Column:
    """A column for a model: its cells as the target's files have them, and why it should be left out, if it should."""

    name: str
    kind: str
    cells: tuple[str, ...]
    useless: str = ""

    @property
    def missing(self) -> int:
        """How many cells are empty."""
        return self.cells.count("")


def read_column(name: str, cells: Sequence[str], decimal: str = ".") -> Column:
    """Find out what a column holds: numbers, dates, texts or categories; raises TargetError for numbers too large."""
    present = [cell for cell in cells if cell]
    for kind, spelled in ((NUMBER, _as_number), (DATE, _as_date)):
        read = {cell: spelled(cell, decimal) for cell in set(present)}
        if present and all(read.values()):
            told = tuple(read[cell] or "" if cell else "" for cell in cells)
            if kind == NUMBER:
                _check_finite(name, told)
            return Column(name, kind, told, _useless(name, kind, [cell for cell in told if cell]))
    kind = TEXT if _is_text(present) else CATEGORY
    return Column(name, kind, tuple(cells), _useless(name, kind, present))


def tells_the_answer(column: Column, answers: Sequence[str]) -> bool:
    """Whether a column alone gives the answer away: each of its values always comes with the same one."""
    pairs = [(cell, answer) for cell, answer in zip(column.cells, answers, strict=True) if cell]
    values = {cell for cell, _ in pairs}
    repeated = len(values) <= len(pairs) / 2
    same_everywhere = len(set(pairs)) == len(values)
    varies = len({answer for _, answer in pairs}) > 1
    return varies and same_everywhere and (repeated or all(cell == answer for cell, answer in pairs))


def _as_number(cell: str, decimal: str) -> str | None:
    if decimal == "," and cell.count(",") == 1 and "." not in cell:
        cell = cell.replace(",", ".")
    return cell if _NUMBER.fullmatch(cell) else None


def _check_finite(name: str, told: Sequence[str]) -> None:
    wrong = next((cell for cell in told if cell and not math.isfinite(float(cell))), None)
    if wrong is not None:
        raise TargetError(f"{name[:60]} holds {wrong[:40]!r}, more than a number can be: correct it or leave it out.")


def _as_date(cell: str, decimal: str) -> str | None:
    """Return a date as ISO 8601 writes it, None where it is none."""
    if len(cell) < 8 or not cell[0].isdigit():
        return None
    try:
        return datetime.fromisoformat(cell).isoformat()
    except ValueError:
        pass
    for form in _DAYS:
        try:
            return datetime.strptime(cell, form).isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


def _is_text(present: Sequence[str]) -> bool:
    if len(set(present)) <= MOST_CATEGORIES:
        return False
    return sum(len(cell.split()) for cell in present) / len(present) >= WORDS_OF_A_TEXT


def _useless(name: str, kind: str, present: Sequence[str]) -> str:
    values = Counter(present)
    if not values:
        return "is empty"
    if len(values) == 1:
        return "is the same in every row"
    whole = kind == CATEGORY or (kind == NUMBER and all(cell.lstrip("+-").isdigit() for cell in values))
    if whole and _counts_rows(name, kind, present, values):
        return "is different in every row, as a number or name of the row would be"
    return ""


def _counts_rows(name: str, kind: str, present: Sequence[str], values: Counter[str]) -> bool:
    if len(values) < ALMOST_ALL * len(present):
        return False
    if kind == CATEGORY:
        return True
    numbers = [Decimal(cell) for cell in present]
    named = re.search(r"(?:^|[_\W])(?:id|index|no|nr|number|key)$|^column \d+$", name, re.IGNORECASE) is not None
    steps = {later - earlier for earlier, later in pairwise(numbers)}
    return named or steps == {1}
