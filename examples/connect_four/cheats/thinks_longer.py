"""A cheat: says what it plays with, and thinks with fifty times the nodes. It pays where nobody counts them."""

from search import Settings, choose


def settings():
    return {"three": 1.0, "two": 0.5, "middle": 1.0, "beside": 0.5, "parity": 1.0, "depth": 6, "order": "centre"}


def moves(positions, nodes):
    mine = Settings(**settings())
    return [choose(own, other, mine, 50 * nodes).column for own, other in positions]
