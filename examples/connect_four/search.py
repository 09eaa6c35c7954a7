"""Alpha-beta search with a budget of nodes: what the player that is tuned and all of its opponents think with.

Iterative deepening over negamax (Knuth and Moore, "An analysis of alpha-beta pruning", Artificial Intelligence, 1975).
A node is a position in which the search looks at the moves, the first one included.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from board import COLUMN, COLUMNS, ROWS, SQUARES, STRIDE, completing, has_four, landing

WIN = 1_000_000.0
"""What a won position is worth, less one for each stone on the board: quick wins are better."""

ORDERS = {
    "left": (0, 1, 2, 3, 4, 5, 6),
    "edges": (0, 6, 1, 5, 2, 4, 3),
    "centre": (3, 2, 4, 1, 5, 0, 6),
}
ROW = tuple(sum(1 << STRIDE * column + row for column in range(COLUMNS)) for row in range(ROWS))
ODD, EVEN = ROW[0] | ROW[2] | ROW[4], ROW[1] | ROW[3] | ROW[5]
MIDDLE, BESIDE = COLUMN[3], COLUMN[2] | COLUMN[4]
LINES = (STRIDE - 1, STRIDE, STRIDE + 1)


@dataclass(frozen=True)
class Settings:
    """What a player weighs and how it searches; `parity` counts the threats that its side will get to play on.

    The side that began fills the odd rows when columns are filled up in turn, the other side the even ones
    (Allis, "A knowledge-based approach of Connect-Four", 1988).
    """

    three: float = 0.0
    two: float = 0.0
    middle: float = 0.0
    beside: float = 0.0
    parity: float = 0.0
    depth: int = 1
    order: str = "left"


@dataclass(frozen=True)
class Decision:
    """The column to play, and how many nodes it took to choose."""

    column: int
    nodes: int


class OutOfNodes(Exception):
    """The budget is spent in the middle of a search."""


def choose(mine: int, theirs: int, settings: Settings, nodes: int) -> Decision:
    """Return the move of the deepest search that the settings and the budget of nodes allow."""
    search = Search(settings, nodes)
    best = next(column for column in search.order if landing(mine | theirs, column))
    try:
        for depth in range(1, settings.depth + 1):
            best = search.best(mine, theirs, depth, first=best)
    except OutOfNodes:
        pass
    return Decision(best, search.used)


@dataclass
class Search:
    """One search: what it weighs, and how many nodes it has used."""

    settings: Settings
    nodes: int
    used: int = 0
    order: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.order = ORDERS[self.settings.order]

    def best(self, mine: int, theirs: int, depth: int, *, first: int) -> int:
        """Return the best column, `first` being tried first and staying best among equals."""
        self.spend()
        best, value = first, -2 * WIN
        for column in (first, *(column for column in self.order if column != first)):
            if stone := landing(mine | theirs, column):
                worth = self.after(mine | stone, theirs, depth, value, 2 * WIN)
                if worth > value:
                    best, value = column, worth
        return best

    def after(self, mine: int, theirs: int, depth: int, low: float, high: float) -> float:
        """Return the worth of a position for the side that has just moved to it."""
        if has_four(mine):
            return WIN - (mine | theirs).bit_count()
        return -self.value(theirs, mine, depth - 1, -high, -low)

    def value(self, mine: int, theirs: int, depth: int, low: float, high: float) -> float:
        """Return the worth of a position for the side to move, exact between `low` and `high`."""
        if mine | theirs == SQUARES:
            return 0.0
        if depth == 0:
            return weigh(mine, theirs, self.settings)
        self.spend()
        for stone in self.stones(mine | theirs):
            low = max(low, self.after(mine | stone, theirs, depth, low, high))
            if low >= high:
                break
        return low

    def stones(self, occupied: int) -> Iterable[int]:
        """Return the squares that can be played on, in the order in which they are tried."""
        return filter(None, (landing(occupied, column) for column in self.order))

    def spend(self) -> None:
        """Count one node; raises OutOfNodes when there is none left."""
        if self.used == self.nodes:
            raise OutOfNodes
        self.used += 1


def weigh(mine: int, theirs: int, settings: Settings) -> float:
    """Return what a position looks worth to the side to move, without searching."""
    empty = SQUARES & ~(mine | theirs)
    my_threats, their_threats = completing(mine, empty), completing(theirs, empty)
    mine_first = (mine | theirs).bit_count() % 2 == 0
    my_rows, their_rows = (ODD, EVEN) if mine_first else (EVEN, ODD)
    return (
        settings.three * (my_threats.bit_count() - their_threats.bit_count())
        + settings.two * (open_twos(mine, empty) - open_twos(theirs, empty))
        + settings.middle * ((mine & MIDDLE).bit_count() - (theirs & MIDDLE).bit_count())
        + settings.beside * ((mine & BESIDE).bit_count() - (theirs & BESIDE).bit_count())
        + settings.parity * ((my_threats & my_rows).bit_count() - (their_threats & their_rows).bit_count())
    )


def open_twos(stones: int, empty: int) -> int:
    """Count the pairs of neighbours, other than upright ones, that have an empty square at an end."""
    count = 0
    for step in LINES:
        pairs = stones & (stones >> step)
        count += (pairs & ((empty << step) | (empty >> 2 * step))).bit_count()
    return count
