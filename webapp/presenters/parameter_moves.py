"""What a change does to declared parameters: each with its old and its new value inside the range that is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from improvement.engine.parameter_values import read_values
from improvement.engine.setting_changes import Plain, shown
from improvement.engine.space import Parameter
from webapp.presenters import words

LEFT, WIDTH = 5.0, 150.0


@dataclass(frozen=True, slots=True)
class ParameterMove:
    """One parameter: its values before and after, the ends of its range, and where in a bar of 160 px both lie."""

    name: str
    old: str
    new: str
    low: str
    high: str
    old_at: float | None
    new_at: float | None

    @property
    def summary(self) -> str:
        """The bar in one sentence."""
        return f"{self.name} from {self.old} to {self.new}, within {self.low} to {self.high}"


def moves(space: Sequence[Parameter], base: Mapping[str, str], files: Mapping[str, str]) -> tuple[ParameterMove, ...]:
    """Return the declared parameters whose values differ between two sets of files, in the order of the manifest."""
    before, after = read_values(space, base), read_values(space, files)
    changed = (one for one in space if before.get(one.name) != after.get(one.name))
    return tuple(_move(one, before.get(one.name), after.get(one.name)) for one in changed)


def _move(one: Parameter, old: Plain | None, new: Plain | None) -> ParameterMove:
    low, high = one.ends
    return ParameterMove(one.name, _told(old), _told(new), _told(low), _told(high), _at(one, old), _at(one, new))


def _told(value: object) -> str:
    if isinstance(value, str):
        return value
    return shown(value) if isinstance(value, Plain) else words.NOTHING


def _at(one: Parameter, value: Plain | None) -> float | None:
    place = one.place(value)
    return None if place is None else round(LEFT + WIDTH * place, 1)
