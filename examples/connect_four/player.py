"""A Connect Four player: what it weighs, how it searches, and its answers."""

from search import Settings, choose

# EVOLVE-BLOCK-START
THREE = 1.0  # a square that would complete four in a row
TWO = 1.0  # two neighbours with room beside them
MIDDLE = 0.0  # a stone in the middle column
BESIDE = 0.0  # a stone in a column beside it
PARITY = 0.0  # a square that would complete four, in a row that its side gets to play on
DEPTH = 2  # moves to look ahead, as far as the nodes suffice
ORDER = "left"  # the order in which columns are tried
# EVOLVE-BLOCK-END


def settings():
    """Return what this player plays with."""
    return {
        "three": THREE,
        "two": TWO,
        "middle": MIDDLE,
        "beside": BESIDE,
        "parity": PARITY,
        "depth": DEPTH,
        "order": ORDER,
    }


def moves(positions, nodes):
    """Return a column for each position, given as the stones of the side to move and of the other side."""
    mine = Settings(**settings())
    return [choose(own, other, mine, nodes).column for own, other in positions]
