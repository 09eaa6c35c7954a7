"""The recorded streams: real measurements of image segments, and the drifts that lie over them."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
OPEN = 1380
"""Rows of segments.csv that the loop may see; the others are the holdout's."""


@dataclass(frozen=True)
class Stream:
    """Observations in their order: `x` (length, measurements), `y` (length,), and where drifts begin."""

    x: np.ndarray
    y: np.ndarray
    drifts: tuple[int, ...]
    forms: tuple[str, ...]


class Segments:
    """The rows of segments.csv: `raw` as recorded, `y` as class numbers, and the scale of the rows that are open."""

    def __init__(self) -> None:
        with (HERE / "segments.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.names = [name for name in rows[0] if name != "category"]
        self.categories = sorted({row["category"] for row in rows})
        self.raw = np.array([[float(row[name]) for name in self.names] for row in rows])
        self.y = np.array([self.categories.index(row["category"]) for row in rows])
        self.middle = self.raw[:OPEN].mean(axis=0)
        self.spread = self.raw[:OPEN].std(axis=0) + 1e-9

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """Return measurements in units of how the open rows spread, none beyond ten of them."""
        return np.clip((raw - self.middle) / self.spread, -10.0, 10.0)

    def turned(self, raw: np.ndarray, form: str) -> np.ndarray:
        """Return one row as a drift turns it."""
        return FORMS[form](dict(zip(self.names, raw, strict=True)))


def as_recorded(row: dict[str, float]) -> np.ndarray:
    """Return a row as it is."""
    return np.array(list(row.values()))


def exchanged(row: dict[str, float]) -> np.ndarray:
    """Return a row whose camera has red and blue the wrong way round."""
    swaps = {"rawred-mean": "rawblue-mean", "exred-mean": "exblue-mean"}
    swaps |= {blue: red for red, blue in swaps.items()}
    turned = {name: row[swaps.get(name, name)] for name in row}
    return np.array(list({**turned, "hue-mean": -row["hue-mean"]}.values()))


def dimmed(row: dict[str, float]) -> np.ndarray:
    """Return a row in half the light, with a camera that adds a grey veil."""
    light = [name for name in row if name.startswith(("raw", "intensity", "value"))]
    turned = {name: 0.5 * row[name] + 20.0 for name in light}
    turned |= {name: -0.5 * row[name] for name in row if name.startswith("ex")}
    return np.array(list({**row, **turned, "saturation-mean": 1.0 - row["saturation-mean"]}.values()))


def upside_down(row: dict[str, float]) -> np.ndarray:
    """Return a row of a picture that stands on its head."""
    return np.array(list({**row, "region-centroid-row": 250.0 - row["region-centroid-row"]}.values()))


FORMS: dict[str, Callable[[dict[str, float]], np.ndarray]] = {
    "as recorded": as_recorded,
    "red and blue exchanged": exchanged,
    "dimmed": dimmed,
    "upside down": upside_down,
}


def recorded(segments: Segments, name: str, seed: int | str) -> Stream:
    """Return a recorded stream over the rows that it may use, in an order that the seed draws."""
    forms = schedule(name)
    rows = list(range(OPEN) if name == "open" else range(OPEN, len(segments.y)))
    random.Random(f"{name} {seed}").shuffle(rows)
    chosen = rows[: len(forms)]
    raw = np.array([segments.turned(segments.raw[row], form) for row, form in zip(chosen, forms, strict=True)])
    return Stream(segments.scaled(raw), segments.y[chosen], _begins(forms), tuple(forms))


def schedule(name: str) -> list[str]:
    """Return what each observation of a stream is turned into, from drifts.csv."""
    with (HERE / "drifts.csv").open(newline="") as file:
        return [row["as"] for row in csv.DictReader(file) if row["stream"] == name]


def _begins(forms: list[str]) -> tuple[int, ...]:
    """Return where a form appears that was not there in the observations before."""
    return tuple(
        number
        for number in range(1, len(forms))
        if forms[number] != forms[number - 1] and forms[number] not in forms[max(0, number - 200) : number]
    )
