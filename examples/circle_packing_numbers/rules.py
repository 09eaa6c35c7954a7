"""What counts as a packing: the rules that the evaluator and the holdout share."""

from __future__ import annotations

import math
from dataclasses import dataclass

TOLERANCE = 1e-9
"""How far circles may overlap or stand out, in units of the square's side: room for rounding, worth nothing."""


@dataclass(frozen=True)
class Verdict:
    """The sum of radii of a packing (0.0 when it breaks a rule) and what to say about it."""

    total: float
    feedback: str


class RuleBroken(Exception):
    """The packing breaks a rule; the message says which and where."""


def judge(circles: object, count: int) -> Verdict:
    """Score `circles`, which should be `count` lists [x, y, radius], without believing any of it."""
    try:
        packing = read_circles(circles, count)
        check_inside(packing)
        check_apart(packing)
    except RuleBroken as broken:
        return Verdict(0.0, str(broken))
    total = math.fsum(radius for _, _, radius in packing)
    return Verdict(
        total, f"{count} circles, sum of radii {total:.6f}, smallest radius {min(c[2] for c in packing):.6f}."
    )


def read_circles(circles: object, count: int) -> list[tuple[float, float, float]]:
    """Return the circles as exact numbers; raises RuleBroken for a wrong count, shape, type or value."""
    if type(circles) is not list:
        raise RuleBroken(f"construct({count}) must return a list of [x, y, radius], not {type(circles).__name__}.")
    if len(circles) != count:
        raise RuleBroken(f"construct({count}) must return {count} circles; it returned {len(circles)}.")
    return [read_circle(circle, index) for index, circle in enumerate(circles)]


def read_circle(circle: object, index: int) -> tuple[float, float, float]:
    """Return one circle as x, y, radius; raises RuleBroken when it is not three finite numbers."""
    if type(circle) is not list or len(circle) != 3:
        raise RuleBroken(f"Circle {index} must be a list of three numbers [x, y, radius].")
    for value in circle:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise RuleBroken(f"Circle {index} holds something that is not a finite number.")
    x, y, radius = map(float, circle)
    if radius < 0:
        raise RuleBroken(f"Circle {index} has the negative radius {radius:.6f}.")
    return x, y, radius


def check_inside(packing: list[tuple[float, float, float]]) -> None:
    """Raise RuleBroken for the first circle that stands out of the unit square."""
    for index, (x, y, radius) in enumerate(packing):
        room = min(x, y, 1 - x, 1 - y) - radius
        if room < -TOLERANCE:
            raise RuleBroken(f"Circle {index} stands out of the square by {-room:.6f}.")


def check_apart(packing: list[tuple[float, float, float]]) -> None:
    """Raise RuleBroken for the first two circles that overlap."""
    for i, (x, y, radius) in enumerate(packing):
        for j, (other_x, other_y, other_radius) in enumerate(packing[:i]):
            gap = math.hypot(x - other_x, y - other_y) - radius - other_radius
            if gap < -TOLERANCE:
                raise RuleBroken(f"Circles {j} and {i} overlap by {-gap:.6f}.")
