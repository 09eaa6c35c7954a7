"""A mean difference whose interval holds at every moment at once, so that whoever looks after each pair is not misled.

The predictable plug-in empirical Bernstein confidence sequence of Waudby-Smith and Ramdas ("Estimating means of bounded
random variables by betting", JRSS B 86, 2024, theorem 2): the chance that it ever leaves out the true mean, over an
endless sequence and any number of looks, is at most 1 - ``LEVEL``. ``sequential.py`` plans its looks; this needs none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

LEVEL = 0.99
_ERROR = math.log(2.0 / (1.0 - LEVEL))
_BOLDEST = 0.5


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """Sums over the differences so far, each from -1 to 1, from which it goes on in constant time and space."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    weight: float = 0.0
    weighted: float = 0.0
    penalty: float = 0.0

    def taking(self, differences: Iterable[float]) -> ConfidenceSequence:
        """Return the sequence after further differences."""
        n, total, squares = self.n, self.total, self.squares
        weight, weighted, penalty = self.weight, self.weighted, self.penalty
        for difference in differences:
            x = (difference + 1.0) / 2.0
            expected, variance = (0.5 + total) / (n + 1), (0.25 + squares) / (n + 1)
            bold = min(_BOLDEST, math.sqrt(2.0 * _ERROR / (variance * (n + 1) * math.log(n + 2))))
            penalty += (x - expected) ** 2 * (-math.log1p(-bold) - bold)
            weight, weighted = weight + bold, weighted + bold * x
            n, total = n + 1, total + x
            squares += (x - (0.5 + total) / (n + 1)) ** 2
        return ConfidenceSequence(n, total, squares, weight, weighted, penalty)

    @property
    def mean(self) -> float:
        """The mean difference so far."""
        return 2.0 * self.total / self.n - 1.0 if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The ends between which the true mean lies."""
        if not self.n:
            return -1.0, 1.0
        middle, half = self.weighted / self.weight, (_ERROR + self.penalty) / self.weight
        return max(-1.0, 2.0 * (middle - half) - 1.0), min(1.0, 2.0 * (middle + half) - 1.0)

    def as_json(self) -> dict[str, float]:
        """Return the sums as plain values."""
        return asdict(self)
