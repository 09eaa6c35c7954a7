"""One page of a longer list, and a table's sortable heads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pager:
    """Where a reader is in a list; ``previous`` and ``next`` are page numbers or ``None``."""

    label: str
    page: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def previous(self) -> int | None:
        """The page before this one."""
        return self.page - 1 if self.page > 1 else None

    @property
    def next(self) -> int | None:
        """The page after this one."""
        return self.page + 1 if self.page < self.pages else None

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return min((self.page - 1) * self.size + 1, self.total)

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return min(self.page * self.size, self.total)


@dataclass(frozen=True, slots=True)
class Column:
    """A table's head: ``sort`` is what a click asks for, ``order`` how the table is sorted by it now (or empty)."""

    label: str
    sort: str = ""
    order: str = ""
    numeric: bool = False


def columns(heads: tuple[tuple[str, str, bool], ...], sort: str) -> tuple[Column, ...]:
    """Return the heads of a table sorted by ``sort``: a key, with a minus in front for descending.

    Each head is a label, its sort key (or empty) and whether it is numeric. A first click sorts from the top down.
    """
    found = []
    for label, key, numeric in heads:
        order = {key: "ascending", f"-{key}": "descending"}.get(sort, "") if key else ""
        ask = "" if not key else key if sort == f"-{key}" else f"-{key}"
        found.append(Column(label, ask, order, numeric))
    return tuple(found)
