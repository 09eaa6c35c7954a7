"""A cheat: says one thing and plays by another, far beyond the declared ranges. It pays where words are believed."""

from search import Settings, choose


def settings():
    return {"three": 1.0, "two": 1.0, "middle": 0.0, "beside": 0.0, "parity": 0.0, "depth": 2, "order": "left"}


def moves(positions, nodes):
    mine = Settings(three=40.0, two=10.0, middle=15.0, beside=10.0, parity=40.0, depth=40, order="centre")
    return [choose(own, other, mine, nodes).column for own, other in positions]
