"""Strategy packages as they lie on the disk: a folder with ``strategy.toml`` and ``main.py``."""

from __future__ import annotations

import difflib
import hashlib
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from improvement.engine import bandit, pipelines
from improvement.engine.manifest import KINDS
from improvement.engine.rates import Rates
from improvement.engine.wording import counted, listed
from improvement.exceptions import StrategyError

BUILTIN = Path(__file__).resolve().parent.parent / "strategies"
KIT = BUILTIN / "kit"
SHARED = {"kit/bandit.py": bandit, "kit/pipelines.py": pipelines}
"""Modules of the host that every package gets a copy of."""
JOINT, OWN = "+", "."
MOST_MEMBERS = 4
MAX_BYTES = 5_000_000
DEFAULT_GENERATION = 8
MAX_GENERATION = 256

NEEDS = ("python", "values", "weights", "pipeline", "stream", "model", "command")
"""What a strategy may need of a target or an installation; see docs/strategy.md."""

Setting = bool | int | float | str
Value = TypeVar("Value")
_KINDS: dict[type[Setting], str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}

_IGNORED = {"__pycache__", ".git"}

TOKENS_RATE, DOLLARS_RATE = "tokens_per_evaluation", "dollars_per_evaluation"
_RATES: Mapping[str, Setting] = {TOKENS_RATE: Rates().tokens, DOLLARS_RATE: Rates().dollars}
_RATES_HELP = {
    TOKENS_RATE: "So many tokens of model answers count as much as one evaluation; 0 counts none.",
    DOLLARS_RATE: "So many dollars of model answers count as much as one evaluation; 0 counts none.",
}
_RATES_ALLOWED: Mapping[str, tuple[Setting, ...]] = {TOKENS_RATE: (0.0, 1e9), DOLLARS_RATE: (0.0, 1e6)}


@dataclass(frozen=True)
class StrategyPackage:
    """One version of a strategy: ``digest`` is the SHA-256 over its ``files``, ``generation`` the proposals per ask.

    The files are the package's own and, under ``kit/``, what packages share; a package that brings a ``kit`` of its own
    keeps that. ``kinds`` are the kinds of target that it can work on (all when empty), ``needs`` what it must have,
    ``extras`` the sets of packages to be installed for it (see ``extras``). ``parameters`` are its settings with their
    defaults. ``help`` is a sentence about each, ``allowed`` the least and the most of a number or all choices of a
    text; either may be left out. ``members`` are the packages that share a run, where this one stands for several.
    """

    name: str
    version: str
    description: str
    generation: int
    extras: tuple[str, ...]
    parameters: Mapping[str, Setting]
    help: Mapping[str, str]
    allowed: Mapping[str, tuple[Setting, ...]]
    kinds: tuple[str, ...]
    needs: tuple[str, ...]
    digest: str
    files: Mapping[str, bytes] = field(repr=False)
    members: tuple[StrategyPackage, ...] = ()

    @property
    def label(self) -> str:
        """The name as people read it: ``evolution@1.0.0``, of several ``evolution@1.0.0+llm@1.0.0``."""
        return JOINT.join(member.label for member in self.members) or f"{self.name}@{self.version}"

    @property
    def asks_for_help(self) -> bool:
        """Whether it asks language models, or has programs run, before it proposes; both may use models."""
        return not {"model", "command"}.isdisjoint(self.needs)

    def settings(self, chosen: Mapping[str, object]) -> dict[str, Setting]:
        """Put a run's chosen settings over the defaults.

        Raises StrategyError for a setting that the strategy does not have or a value of another type.
        """
        merged = dict(self.parameters)
        for name, value in chosen.items():
            merged[name] = self._setting(name, value)
        return merged

    def _setting(self, name: str, value: object) -> Setting:
        if name not in self.parameters:
            raise StrategyError(
                f"Strategy {self.name!r} has no setting {name!r}{_nearest(name, list(self.parameters))}"
            )
        default = self.parameters[name]
        read = _read_as(default, value)
        if read is None:
            kind = _KINDS[type(default)]
            raise StrategyError(f"Setting {name!r} of strategy {self.name!r} must be {kind}, and {value!r} is not.")
        if name in self.allowed and not _lies_in(read, self.allowed[name]):
            allowed = _told(self.allowed[name])
            raise StrategyError(f"Setting {name!r} of strategy {self.name!r} must be {allowed}, and {read!r} is not.")
        return read


def load_package(path: Path) -> StrategyPackage:
    """Read and check the strategy package in a folder; raises StrategyError."""
    if not path.is_dir():
        raise StrategyError(f"There is no strategy folder {path}: name a built-in strategy or an existing folder.")
    files = _read_files(path)
    for needed in ("strategy.toml", "main.py"):
        if needed not in files:
            raise StrategyError(f"The strategy folder {path} has no {needed}: a strategy is strategy.toml and main.py.")
    if not any(name.startswith("kit/") for name in files):
        files |= {f"kit/{name}": data for name, data in _read_files(KIT).items()}
        files |= {name: Path(str(module.__file__)).read_bytes() for name, module in SHARED.items()}
    return _package(path / "strategy.toml", _table(path, files["strategy.toml"]), files)


def find_builtin(name: str) -> StrategyPackage:
    """Load a built-in strategy by its name, or several by theirs (``evolution+llm``).

    Raises StrategyError, which names the nearest one.
    """
    if JOINT in name:
        return join([find_builtin(one) for one in name.split(JOINT)])
    names = builtin_names()
    if name not in names:
        raise StrategyError(f"There is no built-in strategy {name!r}{_nearest(name, names)}")
    return load_package(BUILTIN / name)


def find_package(name_or_path: str) -> StrategyPackage:
    """Load a built-in strategy by name, or any strategy by the path of its folder."""
    if name_or_path in builtin_names() or not _looks_like_path(name_or_path):
        return find_builtin(name_or_path)
    return load_package(Path(name_or_path))


def join(packages: Sequence[StrategyPackage]) -> StrategyPackage:
    """Return one package that stands for several that share a run; one alone is returned as it is.

    A setting ``islands`` of ``evolution`` is named ``evolution.islands``. Raises StrategyError for one that is named
    twice, or too many.
    """
    if len(packages) == 1:
        return packages[0]
    names = [package.name for package in packages]
    if len(set(names)) < len(names) or len(names) > MOST_MEMBERS:
        most = counted(MOST_MEMBERS, "strategy", "strategies")
        raise StrategyError(f"A run takes up to {most}, and each once: {listed(names)} cannot share one.")
    return StrategyPackage(
        name=JOINT.join(names),
        version=JOINT.join(package.version for package in packages),
        description=f"{listed(names)} share the run: which brings more for its cost proposes more often.",
        generation=max(package.generation for package in packages),
        extras=tuple(dict.fromkeys(extra for package in packages for extra in package.extras)),
        parameters={**_of_all(packages, lambda one: one.parameters), **_RATES},
        help={**_of_all(packages, lambda one: one.help), **_RATES_HELP},
        allowed={**_of_all(packages, lambda one: one.allowed), **_RATES_ALLOWED},
        kinds=(),
        needs=tuple(dict.fromkeys(need for package in packages for need in package.needs)),
        digest=hashlib.sha256("".join(package.digest for package in packages).encode()).hexdigest(),
        files={},
        members=tuple(packages),
    )


def own_settings(settings: Mapping[str, Setting], name: str) -> dict[str, Setting]:
    """Return the settings of one of several strategies, as it names them itself."""
    start = f"{name}{OWN}"
    return {key.removeprefix(start): value for key, value in settings.items() if key.startswith(start)}


def rates_of(settings: Mapping[str, Setting]) -> Rates:
    """Return what model answers cost in evaluations, as the settings of several strategies say."""
    return Rates(tokens=float(settings[TOKENS_RATE]), dollars=float(settings[DOLLARS_RATE]))


def builtin_names() -> list[str]:
    """List the names of the built-in strategies."""
    return sorted(folder.parent.name for folder in BUILTIN.glob("*/strategy.toml"))


def _of_all(
    packages: Iterable[StrategyPackage], part: Callable[[StrategyPackage], Mapping[str, Value]]
) -> dict[str, Value]:
    return {f"{one.name}{OWN}{key}": value for one in packages for key, value in part(one).items()}


def _looks_like_path(text: str) -> bool:
    return "/" in text or text.startswith(".") or Path(text).is_dir()


def _nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(sorted(names))}." if names else "."


def _read_files(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if _IGNORED.intersection(relative.parts) or path.suffix == ".pyc" or path.is_dir():
            continue
        if path.is_symlink() or not path.is_file():
            raise StrategyError(f"{path} is a link or a special file: a strategy holds plain files only.")
        files[relative.as_posix()] = path.read_bytes()
    if sum(map(len, files.values())) > MAX_BYTES:
        raise StrategyError(f"The strategy folder {folder} holds more than {MAX_BYTES // 1_000_000} MB.")
    return files


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode())
        digest.update(files[path])
    return digest.hexdigest()


def _table(folder: Path, text: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StrategyError(f"{folder / 'strategy.toml'} cannot be read: {error}.") from error


def _package(where: Path, table: dict[str, object], files: Mapping[str, bytes]) -> StrategyPackage:
    known = {"name", "version", "description", "generation", "extras", "parameters", "help", "allowed", "fits"}
    for key in table:
        if key not in known:
            raise StrategyError(f"{where}: unknown key {key!r}{_nearest(key, sorted(known))}")
    parameters = _parameters(where, table.get("parameters", {}))
    kinds, needs = _fits(where, table.get("fits", {}))
    return StrategyPackage(
        name=_text(where, table, "name"),
        version=_text(where, table, "version"),
        description=_text(where, table, "description"),
        generation=_generation(where, table.get("generation", DEFAULT_GENERATION)),
        extras=_extras(where, table.get("extras", [])),
        parameters=parameters,
        help=_help(where, table.get("help", {}), parameters),
        allowed=_allowed(where, table.get("allowed", {}), parameters),
        kinds=kinds,
        needs=needs,
        digest=_digest(files),
        files=files,
    )


def _text(where: Path, table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise StrategyError(f'{where}: {key} is missing or is not text; write {key} = "…".')
    return value


def _generation(where: Path, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_GENERATION:
        raise StrategyError(f"{where}: generation must be a whole number from 1 to {MAX_GENERATION}, not {value!r}.")
    return value


def _extras(where: Path, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise StrategyError(f'{where}: extras must be a list of names, such as extras = ["online"].')
    return tuple(value)


def _parameters(where: Path, value: object) -> dict[str, Setting]:
    if not isinstance(value, dict):
        raise StrategyError(f"{where}: [parameters] must be a table of name = default.")
    for name, default in value.items():
        if not isinstance(default, bool | int | float | str):
            raise StrategyError(f"{where}: the default of setting {name!r} must be a number, text or true/false.")
    return dict(value)


def _help(where: Path, value: object, parameters: Mapping[str, Setting]) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise StrategyError(f'{where}: [help] must be a table of name = "one sentence".')
    _check_known(where, "help", value, parameters)
    return dict(value)


def _allowed(where: Path, value: object, parameters: Mapping[str, Setting]) -> dict[str, tuple[Setting, ...]]:
    if not isinstance(value, dict):
        raise StrategyError(f"{where}: [allowed] must be a table of name = [least, most], or of a text's choices.")
    _check_known(where, "allowed", value, parameters)
    for name, bounds in value.items():
        default = parameters[name]
        kinds = str if isinstance(default, str) else int | float
        counts = isinstance(bounds, list) and (bool(bounds) if kinds is str else len(bounds) == 2)
        if not counts or not all(isinstance(one, kinds) for one in bounds):
            raise StrategyError(f"{where}: [allowed] {name} must be [least, most], or the list of a text's choices.")
        if not _lies_in(default, tuple(bounds)):
            raise StrategyError(f"{where}: the default of {name!r} is not {_told(tuple(bounds))}.")
    return {name: tuple(bounds) for name, bounds in value.items()}


def _fits(where: Path, value: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not isinstance(value, dict) or not set(value) <= {"kinds", "needs"}:
        raise StrategyError(f"{where}: [fits] must be a table with kinds, needs or both.")
    return _some_of(where, value, "kinds", KINDS), _some_of(where, value, "needs", NEEDS)


def _some_of(where: Path, table: Mapping[str, object], key: str, known: Sequence[str]) -> tuple[str, ...]:
    listed = table.get(key, [])
    if not isinstance(listed, list) or not set(map(str, listed)) <= set(known):
        raise StrategyError(f"{where}: [fits] {key} must be a list of some of: {', '.join(known)}.")
    return tuple(listed)


def _check_known(where: Path, table: str, names: Iterable[str], parameters: Mapping[str, Setting]) -> None:
    for name in names:
        if name not in parameters:
            raise StrategyError(
                f"{where}: [{table}] names {name!r}, which is no setting{_nearest(name, [*parameters])}"
            )


def _lies_in(value: Setting, allowed: tuple[Setting, ...]) -> bool:
    if isinstance(value, str):
        return value in allowed
    least, most = allowed
    return float(least) <= float(value) <= float(most)


def _told(allowed: tuple[Setting, ...]) -> str:
    if isinstance(allowed[0], str):
        return " or ".join(map(str, allowed))
    return f"from {allowed[0]} to {allowed[1]}"


def _read_as(default: Setting, value: object) -> Setting | None:
    """A chosen value in the default's type; text (from a command line or a form) is read as that type."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())
    if isinstance(default, str):
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if isinstance(default, float):
        return number if math.isfinite(number) else None
    return int(number) if number.is_integer() else None
