"""Reading a TOML table strictly: typed values, known keys only, one clear sentence for each mistake."""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from improvement.exceptions import ManifestError

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def read_toml(text: str, *, where: str, known: Iterable[str]) -> Table:
    """Parse TOML text into its root table.

    Raises ManifestError with line and column when the text is not TOML, and for unknown top-level tables.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"{where}: not valid TOML: {error}. Correct that line.") from error
    except RecursionError as error:
        raise ManifestError(f"{where}: not valid TOML: nested too deeply. Flatten it.") from error
    return Table(values, where=where, path="", known=tuple(known))


@dataclass(frozen=True)
class Table:
    """One table of a TOML document: ``path`` is its dotted name, ``known`` the keys it may have (None: any)."""

    values: Mapping[str, object]
    where: str
    path: str
    known: tuple[str, ...] | None

    def __post_init__(self) -> None:
        for key in self.values:
            if self.known is not None and key not in self.known:
                raise self.error(key, f"is not a known key. {_suggestion(key, self.known)}")

    def error(self, key: str, problem: str) -> ManifestError:
        """Make the error that says where (file and dotted key) and what is wrong."""
        return ManifestError(f"{self.where}: {self.dotted(key)} {problem}")

    def dotted(self, key: str) -> str:
        """Name a key of this table as a person would: ``evaluate.seconds``."""
        return f"{self.path}.{key}" if self.path else key

    def check_identifier(self, name: str) -> None:
        """Refuse a table whose own name could not name a variable."""
        if not _IDENTIFIER.fullmatch(name):
            raise ManifestError(
                f"{self.where}: {self.path} is not a usable name. "
                "Use at most 64 letters, digits and _, not starting with a digit."
            )

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text; without a default the key is required."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text in quotes", value)
        return value

    def one_of(self, key: str, options: tuple[str, ...], default: str | None = None) -> str:
        """Read a text that has to be one of ``options``."""
        value = self.text(key, default)
        if value not in options:
            raise self._wrong(key, " or ".join(f'"{option}"' for option in options), value)
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Read a list of texts."""
        value = self._value(key, None if default is None else list(default))
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, 'a list of texts such as ["a.py"]', value)
        return tuple(value)

    def flag(self, key: str, default: bool) -> bool:
        """Read true or false."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def number(
        self, key: str, default: float | None = None, *, least: float = -math.inf, most: float = math.inf
    ) -> float:
        """Read a finite number within [least, most]."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self._wrong(key, "a finite number", value)
        if not least <= value <= most:
            raise self._wrong(key, _interval("a number", least, most), value)
        return value

    def whole(self, key: str, default: int | None = None, *, least: float = -math.inf, most: float = math.inf) -> int:
        """Read a whole number within [least, most]."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._wrong(key, _interval("a whole number", least, most), value)
        return value

    def items(self, key: str) -> tuple[object, ...]:
        """Read a list whose items the caller checks."""
        value = self._value(key, None)
        if not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        return tuple(value)

    def table(self, key: str, known: tuple[str, ...] | None) -> Table:
        """Read a nested table; a missing one is an empty one."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, f"a table; write it as [{self.dotted(key)}]", value)
        return Table(value, where=self.where, path=self.dotted(key), known=known)

    def tables(self, known: tuple[str, ...]) -> dict[str, Table]:
        """Read this table as a table of tables, name to table, in the order of the file."""
        return {name: self.table(name, known) for name in self.values}

    def _value(self, key: str, default: object) -> object:
        value = self.values.get(key, default)
        if value is None:
            raise self.error(key, "is missing. Add it.")
        return value

    def _wrong(self, key: str, expected: str, value: object) -> ManifestError:
        return self.error(key, f"has to be {expected}; found {_shown(value)}.")


def _interval(kind: str, least: float, most: float) -> str:
    if math.isinf(least) and math.isinf(most):
        return kind
    if math.isinf(most):
        return f"{kind} of at least {least:g}"
    return f"{kind} from {least:g} to {most:g}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _suggestion(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else f"Known keys are {', '.join(known)}."
