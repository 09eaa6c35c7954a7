"""The search space of a target whose parameters are searched: what each parameter may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from improvement.engine.tables import Table

Choice: TypeAlias = str | int | float | bool
TYPES = ("float", "int", "choice", "bool")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One dimension of the search space: ``low`` and ``high`` (both included) for numbers, ``choices`` for a choice."""

    name: str
    type: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Choice, ...] = ()

    @property
    def ends(self) -> tuple[Choice | None, Choice | None]:
        """The least and the most that is allowed, or the first and the last choice."""
        if self.type in {"choice", "bool"}:
            return self._choices[0], self._choices[-1]
        return self.low, self.high

    @property
    def _choices(self) -> tuple[Choice, ...]:
        return self.choices or (False, True)

    def place(self, value: object) -> float | None:
        """Return where a value lies between the ends, from 0 to 1 on the parameter's own scale; None for no value."""
        if self.type in {"choice", "bool"}:
            known = value in self._choices
            return self._choices.index(value) / (len(self._choices) - 1) if known else None
        if not isinstance(value, int | float) or self.low is None or self.high is None:
            return None
        scale = math.log if self.log and value > 0 else float
        low, high = scale(self.low), scale(self.high)
        return min(max((scale(value) - low) / (high - low), 0.0), 1.0)


def read_space(table: Table) -> tuple[Parameter, ...]:
    """Read the table of parameters, in the order of the file; raises ManifestError."""
    entries = table.tables(("type", "low", "high", "log", "choices"))
    return tuple(_parameter(name, entry) for name, entry in entries.items())


def _parameter(name: str, table: Table) -> Parameter:
    table.check_identifier(name)
    kind = table.one_of("type", TYPES)
    used = {"choice": {"choices"}, "bool": set[str]()}.get(kind, {"low", "high", "log"})
    for key in sorted(set(table.values) - used - {"type"}):
        raise table.error(key, f'has no meaning for type = "{kind}". Remove it.')
    if kind == "choice":
        return Parameter(name, kind, choices=_choices(table))
    if kind == "bool":
        return Parameter(name, kind)
    return _numeric_parameter(name, kind, table)


def _numeric_parameter(name: str, kind: str, table: Table) -> Parameter:
    read = table.whole if kind == "int" else table.number
    low, high, log = read("low"), read("high"), table.flag("log", False)
    if not low < high:
        raise table.error("low", f"has to be less than high; found {low:g} and {high:g}.")
    if log and low <= 0:
        raise table.error("low", f"has to be greater than 0 when log = true; found {low:g}.")
    return Parameter(name, kind, low=low, high=high, log=log)


def _choices(table: Table) -> tuple[Choice, ...]:
    choices = tuple(item for item in table.items("choices") if _is_choice(item))
    distinct = {(type(item), item) for item in choices}
    if len(choices) != len(table.items("choices")) or len(distinct) != len(choices) or len(choices) < 2:
        raise table.error("choices", "has to list at least two different texts, finite numbers or truth values.")
    return choices


def _is_choice(item: object) -> TypeGuard[Choice]:
    return isinstance(item, (str, int)) or (isinstance(item, float) and math.isfinite(item))
