"""The search space: from the manifest, or derived from the numbers in the program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.conversation import RefusalError
from kit.sites import Site, find, literals
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

MOST_TIMES = 4
"""An integer without a declared range may become this many times as large."""


@dataclass(frozen=True)
class Space:
    """The parameters by name: where each stands and what it may be."""

    sites: dict[str, Site]
    ranges: dict[str, BaseDistribution]

    def values(self) -> dict[str, Any]:
        """Return what the parameters are now, moved into their ranges."""
        return {name: within(self.ranges[name], site.value) for name, site in self.sites.items()}


def declared(entries: Sequence[Mapping[str, Any]], files: Mapping[str, str]) -> Space:
    """Return the manifest's space over these files; raises RefusalError when a parameter cannot be found in them."""
    sites = {entry["name"]: find(entry["name"], files) for entry in entries}
    return Space(sites, {entry["name"]: distribution(entry) for entry in entries})


def distribution(entry: Mapping[str, Any]) -> BaseDistribution:
    """Return what one declared parameter may be."""
    kind, log = entry["type"], bool(entry.get("log"))
    if kind == "float":
        return FloatDistribution(entry["low"], entry["high"], log=log)
    if kind == "int":
        return IntDistribution(int(entry["low"]), int(entry["high"]), log=log)
    if kind == "bool":
        return CategoricalDistribution((False, True))
    if kind == "choice":
        return CategoricalDistribution(tuple(entry["choices"]))
    raise RefusalError(
        f"The parameter {entry['name']!r} has the unknown type {kind!r}: use float, int, choice or bool."
    )


def derived(files: Mapping[str, str], most: int) -> Space:
    """Return a space over the numbers in the evolve blocks, with ranges around what they are now."""
    sites = {f"{site.path}#{place}": site for place, site in enumerate(literals(files, most))}
    return Space(sites, {name: around(site.value) for name, site in sites.items()})


def around(value: float) -> BaseDistribution:
    """Return a range for a number: integers from 1 to four times, floats between nothing and double, 0.0 within ±1."""
    if type(value) is int:
        return IntDistribution(1, MOST_TIMES * value)
    reach = abs(value) or 1.0
    return FloatDistribution(value - reach, value + reach)


def within(limits: BaseDistribution, value: Any) -> Any:
    """Return a value moved into its range; a choice that is not offered becomes the first that is."""
    if isinstance(limits, CategoricalDistribution):
        return value if value in limits.choices else limits.choices[0]
    moved = min(max(value, limits.low), limits.high)
    return int(moved) if isinstance(limits, IntDistribution) else float(moved)
