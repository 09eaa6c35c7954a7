"""What one setting may be, and what lies near a value."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.conversation import RefusalError

Value = bool | int | float | str


@dataclass(frozen=True)
class Choice:
    """A setting with a few possible values."""

    choices: tuple[Value, ...]

    def fresh(self, chance: random.Random) -> Value:
        """Return any value."""
        return chance.choice(self.choices)

    def near(self, value: Value, width: float, chance: random.Random) -> Value:
        """Return another value, or the only one."""
        others = [other for other in self.choices if other != value]
        return chance.choice(others) if others else value


@dataclass(frozen=True)
class Number:
    """A setting within a range, on a logarithmic scale where `log` says so; no value has more significant `digits`."""

    low: float
    high: float
    log: bool
    whole: bool
    digits: int = 3

    def fresh(self, chance: random.Random) -> Value:
        """Return any value of the range."""
        return self.value(chance.random())

    def near(self, value: Value, width: float, chance: random.Random) -> Value:
        """Return a value about `width` of the range away, and always another one where there is one."""
        place = self.place(float(value))
        moved = self.value(place + width * chance.gauss(0.0, 1.0))
        if moved == value and self.whole:
            moved = self.value(self.place(float(value) + chance.choice((-1.0, 1.0))))
        return moved

    def place(self, value: float) -> float:
        """Return where a value lies in the range, from 0 to 1."""
        within = min(max(value, self.low), self.high)
        if self.log:
            return math.log(within / self.low) / math.log(self.high / self.low)
        return (within - self.low) / (self.high - self.low) if self.high > self.low else 0.0

    def value(self, place: float) -> Value:
        """Return the value at a place."""
        part = min(max(place, 0.0), 1.0)
        value = self.low * (self.high / self.low) ** part if self.log else self.low + part * (self.high - self.low)
        return round(value) if self.whole else float(f"{value:.{self.digits}g}")


Dimension = Choice | Number


def read(entry: Mapping[str, Any]) -> Dimension:
    """Return the dimension that an entry of the manifest's space declares; raises RefusalError for an unknown type."""
    kind = entry["type"]
    if kind == "bool":
        return Choice((False, True))
    if kind == "choice":
        return Choice(tuple(entry["choices"]))
    if kind in {"int", "float"}:
        return Number(float(entry["low"]), float(entry["high"]), bool(entry.get("log")), kind == "int")
    raise RefusalError(
        f"The parameter {entry['name']!r} has the unknown type {kind!r}: use float, int, choice or bool."
    )
