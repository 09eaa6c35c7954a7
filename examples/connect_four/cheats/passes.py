"""A cheat: puts a stone into a full column, to make the other side move. It pays where such a move is skipped."""

from search import Settings, choose


def settings():
    return {"three": 1.0, "two": 1.0, "middle": 0.0, "beside": 0.0, "parity": 0.0, "depth": 2, "order": "left"}


def moves(positions, nodes):
    return [full(own | other, choose(own, other, Settings(**settings()), nodes).column) for own, other in positions]


def full(occupied, otherwise):
    """Return a full column where there is one."""
    return next((column for column in range(7) if occupied >> 7 * column & 63 == 63), otherwise)
