"""The rows of a data set with what ``columns.toml`` says of its columns."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

NUMBER, CATEGORY, DATE, TEXT = "number", "category", "date", "text"
KINDS = (NUMBER, CATEGORY, DATE, TEXT)
CLASSES = "classes"


@dataclass(frozen=True)
class Data:
    """Rows with their answers: ``kinds`` says of each column what it holds, ``names`` lists the classes, sorted.

    ``answers`` are numbers, or the indices of classes; ``groups`` the columns between which a model should be fair.
    """

    rows: pd.DataFrame
    answers: np.ndarray
    kinds: dict[str, str]
    metric: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path, file: str = "rows.csv") -> Data:
        """Read a file of rows in the folder of ``columns.toml``; an empty cell is a missing value."""
        told = tomllib.loads((folder / "columns.toml").read_text(encoding="utf-8"))
        table = pd.read_csv(folder / file, dtype=str, keep_default_na=False, encoding="utf-8")
        kinds = told["columns"]
        rows = pd.DataFrame({name: _column(table[name], kind) for name, kind in kinds.items()})
        names = tuple(told.get("classes", ()))
        answers = _answers(table[told["predict"]], names)
        groups = tuple(told.get("groups", ()))
        shown = pd.DataFrame({name: table[name] for name in groups if name not in kinds})
        return cls(rows.join(shown), answers, kinds, told["metric"], groups, names)

    @property
    def classes(self) -> int:
        """How many classes there are; 0 where numbers are predicted."""
        return len(self.names)

    def at(self, places: np.ndarray) -> Data:
        """Return these rows of the data."""
        return replace(self, rows=self.rows.iloc[places], answers=self.answers[places])


def _column(texts: pd.Series, kind: str) -> pd.Series:
    if kind == NUMBER:
        return pd.to_numeric(texts.replace("", np.nan), errors="coerce").astype(float)
    if kind == DATE:
        return pd.to_datetime(texts.replace("", None), errors="coerce", utc=True, format="ISO8601")
    values = texts.astype(object)
    return values if kind == TEXT else values.where(values != "", None)


def _answers(texts: pd.Series, names: tuple[str, ...]) -> np.ndarray:
    if not names:
        return texts.astype(float).to_numpy()
    places = {name: place for place, name in enumerate(names)}
    return texts.map(places).to_numpy(dtype=int)
