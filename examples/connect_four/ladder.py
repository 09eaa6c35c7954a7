"""The opponents: fixed players of known strength. `calibrate.py` measures it; the random player has 0.

Games whose end is known beforehand say little about strength, so few are played with the weak ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from board import playable
from search import Settings, choose


@dataclass(frozen=True)
class Rung:
    """One opponent, and how many openings are played with it; without settings it plays at random."""

    name: str
    elo: float
    openings: int
    settings: Settings | None = None

    def move(self, mine: int, theirs: int, nodes: int, chance: Random) -> int:
        """Return the column that this opponent plays."""
        if self.settings is None:
            return chance.choice(playable(mine | theirs))
        return choose(mine, theirs, self.settings, nodes).column


LADDER = (
    Rung("random", 0.0, 1),
    Rung("one ply", 499.0, 3, Settings(three=1.0, depth=1, order="edges")),
    Rung("counter", 927.0, 8, Settings(three=2.0, two=1.0, depth=2, order="left")),
    Rung("planner", 1043.0, 8, Settings(three=1.0, two=0.5, middle=1.0, depth=4, order="centre")),
)
HOLDOUT = (
    Rung("settler", 868.0, 8, Settings(middle=2.0, beside=1.0, depth=2, order="centre")),
    Rung("lister", 956.0, 8, Settings(three=1.0, two=0.3, parity=1.0, depth=3, order="left")),
    Rung(
        "thinker", 1016.0, 8, Settings(three=2.0, two=0.2, middle=0.5, beside=0.2, parity=2.0, depth=8, order="centre")
    ),
)
