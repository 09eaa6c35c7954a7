"""What a learning rule may say, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from countersign import CandidateFailed

LARGEST_UPDATE = 0.5
"""The bound that no rule may exceed: how far one observation may move all weights together (Euclidean distance)."""
CHOICES = {
    "features": ("plain", "squares"),
    "model": ("softmax", "centres"),
    "detector": ("none", "adwin", "page_hinkley"),
    "reaction": ("none", "faster", "forget"),
}
RANGES = {
    "rate": (0.0, 1.0),
    "scaling": (0.0, 0.5),
    "shrinkage": (0.0, 0.1),
    "replay": (0, 32),
    "memory": (1, 1000),
    "delta": (1e-6, 0.5),
    "boost": (1.0, 20.0),
    "calm": (1, 1000),
    "largest_update": (0.0, LARGEST_UPDATE),
}
WHOLE = ("replay", "memory", "calm")


@dataclass(frozen=True)
class Rule:
    """A learning rule; `rule.py` says what each setting means."""

    features: str
    model: str
    rate: float
    scaling: float
    shrinkage: float
    replay: int
    memory: int
    detector: str
    delta: float
    reaction: str
    boost: float
    calm: int
    largest_update: float


def read(answer: Any) -> Rule:
    """Return the rule that a candidate answered; raises CandidateFailed unless each setting is one that there is."""
    names = [field.name for field in fields(Rule)]
    if type(answer) is not dict or sorted(answer) != sorted(names):
        raise CandidateFailed(f"rule() must return a dict of exactly {', '.join(names)}.")
    for name, allowed in CHOICES.items():
        if answer[name] not in allowed:
            raise CandidateFailed(f"{name} must be one of {', '.join(allowed)}.")
    for name, (low, high) in RANGES.items():
        _check_number(name, answer[name], low, high)
    return Rule(**answer)


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    kinds = (int,) if name in WHOLE else (int, float)
    if type(value) not in kinds or not math.isfinite(value) or not low <= value <= high:
        raise CandidateFailed(f"{name} must be a {'whole ' if name in WHOLE else ''}number from {low} to {high}.")
