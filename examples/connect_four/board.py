"""Connect Four on two whole numbers: the stones of the side to move, and those of the other side.

Column c holds bits 7c to 7c+5 from the bottom up. Bit 7c+6 is always empty, so that no line runs on into the next one.
"""

from __future__ import annotations

COLUMNS, ROWS = 7, 6
STRIDE = ROWS + 1
DIRECTIONS = (1, STRIDE - 1, STRIDE, STRIDE + 1)
"""How far apart neighbours are: upwards, downhill to the right, to the right, uphill to the right."""

BOTTOM = tuple(1 << STRIDE * column for column in range(COLUMNS))
COLUMN = tuple(((1 << ROWS) - 1) * bottom for bottom in BOTTOM)
SQUARES = sum(COLUMN)


def playable(occupied: int) -> list[int]:
    """Return the columns with room, from left to right."""
    return [column for column in range(COLUMNS) if COLUMN[column] & ~occupied]


def landing(occupied: int, column: int) -> int:
    """Return the square on which a stone comes to rest, 0 when the column is full."""
    return (occupied + BOTTOM[column]) & COLUMN[column]


def has_four(stones: int) -> bool:
    """Tell whether four of these stones lie in a row."""
    for step in DIRECTIONS:
        pairs = stones & (stones >> step)
        if pairs & (pairs >> 2 * step):
            return True
    return False


def completing(stones: int, empty: int) -> int:
    """Return the empty squares on which one more stone would make four in a row."""
    found = (stones << 1) & (stones << 2) & (stones << 3)
    for step in DIRECTIONS[1:]:
        up, down = stones << step, stones >> step
        found |= up & (stones << 2 * step) & ((stones << 3 * step) | down)
        found |= down & (stones >> 2 * step) & ((stones >> 3 * step) | up)
    return found & empty
