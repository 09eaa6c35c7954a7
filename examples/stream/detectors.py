"""What watches a learner's errors for a drift.

ADWIN is river's compiled one, imported from where it lies: `river.drift` also brings pandas and scikit-learn along,
several seconds for each sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from river._river_rust.drift import AdaptiveWindowing

LONGEST, KEPT = 1000, 500
"""A watch that has seen LONGEST errors goes on from the last KEPT of them."""
LATEST = 30


class Detector(Protocol):
    """Something that is shown one error (1) or success (0) after another."""

    def update(self, error: int) -> bool:
        """Take the next one and return whether there is a change."""


class PageHinkley:
    """Page's test for a rise of the mean (Biometrika 41, 1954): how far the sum of excesses is above its lowest."""

    def __init__(self, *, tolerance: float = 0.05, threshold: float = 8.0, at_least: int = 40) -> None:
        self.tolerance, self.threshold, self.at_least = tolerance, threshold, at_least
        self.count, self.total, self.excess, self.lowest = 0, 0, 0.0, 0.0

    def update(self, error: int) -> bool:
        """Take the next error or success and return whether the mean has risen."""
        self.count += 1
        self.total += error
        self.excess += error - self.total / self.count - self.tolerance
        self.lowest = min(self.lowest, self.excess)
        return self.count >= self.at_least and self.excess - self.lowest > self.threshold


class Watch:
    """A detector and the errors that it has seen, from which it can be made again."""

    def __init__(self, kind: str, delta: float, errors: Iterable[int] = ()) -> None:
        self.kind, self.delta = kind, delta
        self.begin(list(errors))

    def begin(self, errors: list[int]) -> None:
        """Begin anew with errors that were seen."""
        self.errors = errors
        self.detector = detector(self.kind, self.delta)
        for error in errors:
            self.detector.update(error)

    def sees_drift(self, error: int) -> bool:
        """Take the next error (1) or success (0) and return whether errors have become more; then begin anew."""
        if self.kind == "none":
            return False
        before = sum(self.errors) / max(1, len(self.errors))
        self.errors.append(error)
        changed = self.detector.update(error)
        latest = self.errors[-LATEST:]
        if changed:
            self.begin([])
        elif len(self.errors) >= LONGEST:
            self.begin(self.errors[-KEPT:])
        return changed and sum(latest) / len(latest) > before


def detector(kind: str, delta: float) -> Detector:
    """Return a fresh detector; `delta` is how easily ADWIN sees a change (Bifet and Gavaldà, SDM 2007)."""
    if kind == "page_hinkley":
        return PageHinkley()
    return AdaptiveWindowing(delta=delta, clock=4, max_buckets=5, min_window_length=10, grace_period=20)
