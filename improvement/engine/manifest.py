"""The target's manifest, ``countersign.toml``: what may be edited, how it is measured, and what must never pay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from improvement.engine.globs import is_glob, matches, path_problem
from improvement.engine.tables import Table, read_toml
from improvement.exceptions import ManifestError

FILE_NAME = "countersign.toml"
KINDS = ("code", "parameters", "pipeline", "prompt", "strategy")
ISOLATIONS = ("separate", "cooperative")
PROTOCOLS = ("countersign", "openevolve")
DIRECTIONS = ("higher", "lower")
PARAMETER_TYPES = ("float", "int", "choice", "bool")

_TABLES = ("target", "edit", "evaluate", "metrics", "holdout", "parameters", "cheats")
_EVALUATE_KEYS = ("module", "isolation", "protocol", "seconds", "memory_mb", "cpus", "visible")
_TARGET_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Metric:
    """One number the evaluator answers.

    ``epsilon`` is the smallest difference that matters, ``guard`` the largest worsening that is allowed, ``bound``
    the best value that can be true (beyond it a result is quarantined); all three in the metric's own unit.
    """

    name: str
    better: str
    unit: str = ""
    epsilon: float = 0.0
    guard: float | None = None
    bound: float | None = None

    @property
    def sign(self) -> float:
        """+1.0 or -1.0: a value times this sign is better when it is higher."""
        return 1.0 if self.better == "higher" else -1.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """One dimension of the search space: ``low`` and ``high`` (both included) for numbers, ``choices`` for a choice."""

    name: str
    type: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[str | int | float | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluate:
    """How a candidate is measured, and with how much wall time (seconds), memory (MB) and how many processors."""

    module: str
    isolation: str = "separate"
    protocol: str = "countersign"
    seconds: float = 30.0
    memory_mb: int = 1024
    cpus: int = 1
    visible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holdout:
    """The evaluation that the loop never sees, and how many cases it has."""

    module: str
    cases: int = 1


@dataclass(frozen=True, slots=True)
class Cheat:
    """A known cheat: editable path to the path in the tree that holds the cheating text."""

    name: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed ``countersign.toml``; ``text`` is its source."""

    name: str
    edit_files: tuple[str, ...]
    evaluate: Evaluate
    metrics: tuple[Metric, ...]
    description: str = ""
    kind: str = "code"
    holdout: Holdout | None = None
    parameters: tuple[Parameter, ...] = ()
    cheats: tuple[Cheat, ...] = ()
    text: str = field(default="", repr=False)

    @property
    def primary(self) -> Metric:
        """The metric that the loop improves: the first one."""
        return self.metrics[0]

    @property
    def protected(self) -> dict[str, str]:
        """The files that no candidate may ever touch or read, path to what it is."""
        files = {cheat_path: "a cheat" for cheat in self.cheats for cheat_path in cheat.files.values()}
        if self.holdout:
            files[self.holdout.module] = "the holdout"
        return {**files, self.evaluate.module: "the evaluator", FILE_NAME: "the manifest"}

    def is_editable(self, path: str) -> bool:
        """This function will tell whether a candidate may change, add or remove the file at ``path``."""
        return self._named(path, self.edit_files)

    def is_visible(self, path: str) -> bool:
        """This function will tell whether the candidate's process may read this file, which it may not edit."""
        return self._named(path, self.evaluate.visible) and not self.is_editable(path)

    def _named(self, path: str, patterns: tuple[str, ...]) -> bool:
        if path in self.protected or path_problem(path):
            return False
        return any(matches(path, pattern) for pattern in patterns)


def parse_manifest(text: str, *, where: str = FILE_NAME) -> Manifest:
    """This function will read a manifest and check everything that can be checked without the target's files.

    Raises ManifestError: one sentence with the file ``where``, the key (or the line, when the TOML itself is broken),
    what is wrong and what to do.
    """
    root = read_toml(text, where=where, known=_TABLES)
    target = root.table("target", ("name", "description", "kind"))
    edit_files = _edit_files(root.table("edit", ("files",)))
    manifest = Manifest(
        name=_target_name(target),
        description=target.text("description", ""),
        kind=target.one_of("kind", KINDS, "code"),
        edit_files=edit_files,
        evaluate=_evaluate(root.table("evaluate", _EVALUATE_KEYS)),
        metrics=_metrics(root.table("metrics", None)),
        holdout=_holdout(root),
        parameters=_parameters(root.table("parameters", None)),
        cheats=_cheats(root.table("cheats", None), edit_files),
        text=text,
    )
    _check_protection(manifest, where)
    _check_cheats_are_edits(manifest, where)
    _check_space(manifest, where)
    return manifest


def check_name(name: str, *, where: str) -> str:
    """This function will return a target's name when it can also name a folder, else raise ManifestError."""
    if len(name) > 64 or not _TARGET_NAME.fullmatch(name):
        raise ManifestError(
            f'{where} has to be lower-case letters and digits, joined by - or _, 64 at most; found "{name[:80]}".'
        )
    return name


def _target_name(target: Table) -> str:
    return check_name(target.text("name"), where=f"{target.where}: target.name")


def _edit_files(edit: Table) -> tuple[str, ...]:
    files = edit.texts("files")
    if not files:
        raise edit.error("files", "names no file. Name at least one editable file.")
    for pattern in files:
        _check_path(edit, "files", pattern)
    return files


def _check_path(table: Table, key: str, path: str) -> str:
    if problem := path_problem(path):
        raise table.error(key, f'names "{path}", which {problem}. Write a path relative to the target\'s folder.')
    return path


def _module(table: Table, default: str | None = None) -> str:
    path = _check_path(table, "module", table.text("module", default))
    if not path.endswith(".py") or is_glob(path):
        raise table.error("module", f'has to be one Python file such as "evaluator.py"; found "{path}".')
    return path


def _evaluate(table: Table) -> Evaluate:
    evaluate = Evaluate(
        module=_module(table),
        isolation=table.one_of("isolation", ISOLATIONS, "separate"),
        protocol=table.one_of("protocol", PROTOCOLS, "countersign"),
        seconds=float(table.number("seconds", 30.0, least=0.1, most=86_400)),
        memory_mb=table.whole("memory_mb", 1024, least=32, most=1_048_576),
        cpus=table.whole("cpus", 1, least=1, most=256),
        visible=table.texts("visible", ()),
    )
    for pattern in evaluate.visible:
        _check_path(table, "visible", pattern)
    needed = "cooperative" if evaluate.protocol == "openevolve" else "separate"
    if evaluate.isolation != needed:
        raise table.error("isolation", f'has to be "{needed}" when evaluate.protocol is "{evaluate.protocol}".')
    return evaluate


def _metrics(table: Table) -> tuple[Metric, ...]:
    metrics = table.tables(("better", "unit", "epsilon", "guard", "bound"))
    if not metrics:
        raise ManifestError(
            f'{table.where}: no metric is declared. Add a table [metrics.score] with better = "higher".'
        )
    return tuple(_metric(name, entry) for name, entry in metrics.items())


def _metric(name: str, table: Table) -> Metric:
    _check_identifier(name, table)
    if "better" not in table.values:
        raise table.error("better", 'is missing. Write better = "higher" or better = "lower".')
    return Metric(
        name=name,
        better=table.one_of("better", DIRECTIONS),
        unit=table.text("unit", ""),
        epsilon=float(table.number("epsilon", 0.0, least=0.0)),
        guard=float(table.number("guard", least=0.0)) if "guard" in table.values else None,
        bound=float(table.number("bound")) if "bound" in table.values else None,
    )


def _check_identifier(name: str, table: Table) -> None:
    if not _IDENTIFIER.fullmatch(name):
        raise ManifestError(
            f"{table.where}: {table.path} is not a usable name. Use letters, digits and _, not starting with a digit."
        )


def _holdout(root: Table) -> Holdout | None:
    if "holdout" not in root.values:
        return None
    table = root.table("holdout", ("module", "cases"))
    return Holdout(module=_module(table), cases=table.whole("cases", 1, least=1, most=1000))


def _parameters(table: Table) -> tuple[Parameter, ...]:
    entries = table.tables(("type", "low", "high", "log", "choices"))
    return tuple(_parameter(name, entry) for name, entry in entries.items())


def _parameter(name: str, table: Table) -> Parameter:
    _check_identifier(name, table)
    kind = table.one_of("type", PARAMETER_TYPES)
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


def _choices(table: Table) -> tuple[str | int | float | bool, ...]:
    choices = tuple(item for item in table.items("choices") if isinstance(item, (str, int, float, bool)))
    distinct = {(type(item), item) for item in choices}
    if len(choices) != len(table.items("choices")) or len(distinct) != len(choices) or len(choices) < 2:
        raise table.error("choices", "has to list at least two different texts, numbers or truth values.")
    return choices


def _cheats(table: Table, edit_files: tuple[str, ...]) -> tuple[Cheat, ...]:
    return tuple(_cheat(name, table, edit_files) for name in table.values)


def _cheat(name: str, table: Table, edit_files: tuple[str, ...]) -> Cheat:
    if isinstance(table.values[name], dict):
        files = table.table(name, None)
        pairs = {_check_path(files, path, path): _check_path(files, path, files.text(path)) for path in files.values}
    elif len(edit_files) == 1 and not is_glob(edit_files[0]):
        pairs = {edit_files[0]: _check_path(table, name, table.text(name))}
    else:
        raise table.error(name, 'has to be a table { "editable file" = "file with the cheat" }: several are editable.')
    if not pairs:
        raise table.error(name, "names no file. Name the file that holds the cheat.")
    return Cheat(name, pairs)


def _check_protection(manifest: Manifest, where: str) -> None:
    for key, patterns in (("edit.files", manifest.edit_files), ("evaluate.visible", manifest.evaluate.visible)):
        verb = "editable" if key == "edit.files" else "readable by the candidate"
        for pattern in patterns:
            for path, what in manifest.protected.items():
                if matches(path, pattern):
                    raise ManifestError(
                        f'{where}: {key} "{pattern}" would make {what} ({path}) {verb}. '
                        "Use a narrower glob, or move that file."
                    )


def _check_cheats_are_edits(manifest: Manifest, where: str) -> None:
    for cheat in manifest.cheats:
        for path in cheat.files:
            if not manifest.is_editable(path):
                raise ManifestError(
                    f"{where}: cheats.{cheat.name} replaces {path}, which edit.files does not name. "
                    "Name an editable file."
                )


def _check_space(manifest: Manifest, where: str) -> None:
    if manifest.kind == "parameters" and not manifest.parameters:
        raise ManifestError(
            f'{where}: target.kind is "parameters" but no parameter is declared. Add a table [parameters.NAME].'
        )
