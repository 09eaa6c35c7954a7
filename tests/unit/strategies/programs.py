"""Small programs for strategies to improve, and how they are scored."""

from __future__ import annotations

import math
from typing import Any

REGRESSION = '''"""A first guess at a curve."""

import math

LIMIT = 8  # stays as it is

# EVOLVE-BLOCK-START
SLOPE = 0.5


def predict(x):
    """Guess the height of the curve at x."""
    offset = 0.25  # where it crosses
    height = SLOPE * x
    if height > LIMIT:
        height = LIMIT
    return height + offset


# EVOLVE-BLOCK-END


def curve():
    return [predict(i / 10)   for i in range(-10, 11)]  # odd spacing on purpose
'''

ALLOCATION = '''
def first_guess(count):
    """Give everybody the same."""
    return [0.5 for _ in range(count)]


def misfit(shares):
    """Say how far the shares are from what was asked for."""
    total = 0.0
    for place, share in enumerate(shares):
        total += (share - 0.1 * place) ** 2
    return total


def allocate(count):
    shares = first_guess(count)
    unhappiness = misfit(shares)
    return shares, unhappiness
'''

ARRAYS = '''"""The same with arrays."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def misfits(places):
    wanted = np.linspace(0.0, 1.0, len(places))
    totals = np.zeros(len(places))
    for row in range(len(places)):
        totals[row] = -np.sum((places[row] - wanted[row]) ** 2)
    return totals


@lru_cache
def arrange(count):
    places = np.zeros((count, 2))
    places[0] = [0.5, 0.5]
    places = np.clip(places, 0.01, 0.99)
    errors = misfits(places)
    return float(np.sum(errors))
'''

TUNABLE = '''"""A model with knobs."""

RATE = 0.3  # the step
DEPTH: int = 4
KIND = "flat"
OFFSET = -0.5


def answer():
    return RATE, DEPTH, KIND, OFFSET
'''

TUNABLE_SPACE = [
    {"name": "RATE", "type": "float", "low": 0.001, "high": 1.0, "log": True, "choices": []},
    {"name": "DEPTH", "type": "int", "low": 1, "high": 12, "log": False, "choices": []},
    {"name": "KIND", "type": "choice", "low": None, "high": None, "log": False, "choices": ["flat", "steep", "mixed"]},
    {"name": "OFFSET", "type": "float", "low": -2.0, "high": 2.0, "log": False, "choices": []},
]


def run(text: str) -> dict[str, Any]:
    """Run a program and return its names."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, "program.py", "exec"), names)
    return names


def regression_error(text: str) -> float | None:
    """Return the mean squared error against a parabola, None when the program fails or gives no number."""
    try:
        heights = run(text)["curve"]()
        error = sum((h - target(i / 10)) ** 2 for h, i in zip(heights, range(-10, 11), strict=True)) / len(heights)
        return float(error) if math.isfinite(error) else None
    except Exception:
        return None


def target(x: float) -> float:
    """Return the height of the curve that is to be guessed."""
    return 2 * x * x - x + 1


def knobs_score(text: str) -> float:
    """Return how near the knobs are to where they should be; 0 is best."""
    rate, depth, kind, offset = run(text)["answer"]()
    penalty = {"flat": 0.5, "steep": 0.0, "mixed": 0.25}[kind]
    return -((math.log10(rate) + 2) ** 2) - ((depth - 9) / 4) ** 2 - penalty - (offset - 1) ** 2
