"""Settings that changed: named plain values of a program's module, or of a TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Plain = bool | int | float | str
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class Setting:
    """One named value, before and after."""

    name: str
    old: Plain
    new: Plain

    def __str__(self) -> str:
        """Write it as people read it: lr 0.1 → 0.05."""
        return f"{self.name} {step(self.old, self.new)}"


def between(path: str, old: str, new: str) -> list[Setting]:
    """Return what changed between two texts of a TOML or JSON file, or nothing when more than plain values did."""
    load = {"toml": tomllib.loads, "json": json.loads}.get(path.rpartition(".")[2])
    if load is None:
        return []
    try:
        before, after = dict(_flat("", load(old))), dict(_flat("", load(new)))
    except (ValueError, RecursionError):
        return []
    return changed(before, after) if before.keys() == after.keys() and _is_plain(before, after) else []


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Setting]:
    """Return the names of both whose values differ, in the order of the second."""
    return [Setting(name, before[name], value) for name, value in after.items() if _differ(before.get(name), value)]


def step(old: Plain, new: Plain) -> str:
    """Return a value before and after; floats that six digits do not tell apart are written out."""
    texts = shown(old), shown(new)
    return " → ".join(texts if texts[0] != texts[1] else (_cut(repr(old)), _cut(repr(new))))


def shown(value: Plain) -> str:
    """Return a value for a title: as Python writes it, short, floats with at most six significant digits."""
    return _cut(repr(float(f"{value:.6g}") if isinstance(value, float) else value))


def printable(name: str) -> str:
    """Return a name as it is, or escaped where it holds what does not print."""
    return name if name.isprintable() else ascii(name)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _differ(old: Any, new: Any) -> bool:
    return old is not None and (type(old), old) != (type(new), new)


def _is_plain(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    touched = [name for name in after if before[name] != after[name]]
    return all(isinstance(values[name], Plain) for name in touched for values in (before, after))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Return every value of nested tables by its dotted name; a list counts as one value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = printable(key)
            yield from _flat(f"{prefix}.{name}" if prefix else name, inner)
    else:
        yield prefix, value
