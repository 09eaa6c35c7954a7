"""Extras: packages that only some targets and strategies need, which somebody installs when the need is there."""

from __future__ import annotations

import importlib
import importlib.util
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from improvement.engine.manifest import Manifest
from improvement.engine.packages import StrategyPackage
from improvement.engine.wording import listed
from improvement.exceptions import Invalid, MissingExtra, NotFound

REGISTER = Path(__file__).resolve().parents[2] / "extras.toml"


@dataclass(frozen=True, slots=True)
class Extra:
    """One set of packages: what it is for, the modules it brings, and the MB that it takes on the disk."""

    name: str
    purpose: str
    modules: tuple[str, ...]
    megabytes: int

    @property
    def installed(self) -> bool:
        """Whether all of its modules are there."""
        return not absent(self.modules)

    @property
    def command(self) -> str:
        """What a person types to install it."""
        return f"python3 manage.py extras {self.name}"


@cache
def register() -> tuple[Extra, ...]:
    """Return every extra, as ``extras.toml`` lists them."""
    tables = tomllib.loads(REGISTER.read_text(encoding="utf-8"))
    return tuple(
        Extra(name, table["for"], tuple(table["modules"]), table["megabytes"]) for name, table in tables.items()
    )


def find(name: str) -> Extra:
    """Return an extra by its name; raises NotFound with the names there are."""
    for extra in register():
        if extra.name == name:
            return extra
    raise NotFound(f"There is no extra {name!r}; there are: {', '.join(extra.name for extra in register())}.")


def absent(modules: Iterable[str]) -> list[str]:
    """Return those of these modules that cannot be imported here, by their first names."""
    importlib.invalidate_caches()  # an extra may have been installed since this process began
    names = dict.fromkeys(module.partition(".")[0] for module in modules)
    return [name for name in names if importlib.util.find_spec(name) is None]


def check_modules(modules: Iterable[str], *, needed_by: str) -> None:
    """Raise MissingExtra, or Invalid where no extra brings it, unless all of these modules can be imported."""
    missing = absent(modules)
    if not missing:
        return
    for extra in register():
        if missing[0] in extra.modules:
            raise _missing(extra, needed_by, missing)
    raise Invalid(
        f"{needed_by} needs {listed(missing)}, which {_are(missing)} not installed and part of no extra. "
        "Install what is missing into the environment of Countersign, .venv, and try again."
    )


def check_run(manifest: Manifest, package: StrategyPackage) -> None:
    """Raise MissingExtra unless everything that a target and a strategy need is installed."""
    check_modules(manifest.evaluate.packages, needed_by=f"The target {manifest.name}")
    check_extras(package.extras, needed_by=f"The strategy {package.name}")


def check_extras(names: Iterable[str], *, needed_by: str) -> None:
    """Raise MissingExtra unless all of these extras are installed, NotFound for one that there is not."""
    for name in names:
        extra = find(name)
        if missing := absent(extra.modules):
            raise _missing(extra, needed_by, missing)


def _missing(extra: Extra, needed_by: str, missing: list[str]) -> MissingExtra:
    return MissingExtra(
        f"{needed_by} needs {listed(missing)}, which {_are(missing)} not installed: "
        f"`{extra.command}` installs it (about {extra.megabytes} MB).",
        extra=extra.name,
    )


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
