"""The target's manifest, ``countersign.toml``: what may be edited, how it is measured, and what must never pay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from improvement.engine.evaluators import EVALUATE_KEYS, Evaluate, Holdout, read_evaluate, read_holdout
from improvement.engine.features import Feature, read_features
from improvement.engine.globs import is_glob, matches, path_problem
from improvement.engine.metrics import Metric, read_metrics
from improvement.engine.named_files import checked_path, read_module
from improvement.engine.patches import blocks
from improvement.engine.space import Parameter, read_space
from improvement.engine.streams import KEYS as STREAM_KEYS
from improvement.engine.streams import Stream, read_stream
from improvement.engine.tables import Table, read_toml
from improvement.exceptions import ManifestError

__all__ = [
    "FILE_NAME",
    "Cheat",
    "Evaluate",
    "Feature",
    "Holdout",
    "Manifest",
    "Metric",
    "Parameter",
    "check_name",
    "check_tree",
    "parse_manifest",
]

FILE_NAME = "countersign.toml"
KINDS = ("code", "parameters", "pipeline", "prompt", "strategy")

_TABLES = (
    "target", "edit", "evaluate", "candidate", "metrics", "holdout", "parameters", "features", "cheats", "stream",
)  # fmt: skip
_TARGET_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Cheat:
    """A known cheat: editable path to the path in the tree that holds the cheating text."""

    name: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed ``countersign.toml``; ``text`` is its source.

    ``command`` is what runs a candidate that is not Python, empty for one that is.
    """

    name: str
    edit_files: tuple[str, ...]
    evaluate: Evaluate
    metrics: tuple[Metric, ...]
    description: str = ""
    kind: str = "code"
    holdout: Holdout | None = None
    parameters: tuple[Parameter, ...] = ()
    features: tuple[Feature, ...] = ()
    cheats: tuple[Cheat, ...] = ()
    command: tuple[str, ...] = ()
    stream: Stream | None = None
    text: str = field(default="", repr=False)

    @property
    def primary(self) -> Metric:
        """The metric that the loop improves: the first one."""
        return self.metrics[0]

    @property
    def protected(self) -> dict[str, str]:
        """The files that no candidate may ever touch or read, path to what it is."""
        files = {self.evaluate.module: "the evaluator", FILE_NAME: "the manifest"}
        if self.holdout:
            files.setdefault(self.holdout.module, "the holdout")
        if self.stream:
            files.setdefault(self.stream.module, "what follows the stream")
        for cheat in self.cheats:
            files.update((path, "a cheat") for path in cheat.files.values() if path not in files)
        return files

    def is_editable(self, path: str) -> bool:
        """Tell whether a candidate may change, add or remove the file at ``path``."""
        return self._named(path, self.edit_files)

    def is_visible(self, path: str) -> bool:
        """Tell whether the candidate's process may read this file, which it may not edit."""
        return self._named(path, self.evaluate.visible) and not self.is_editable(path)

    def _named(self, path: str, patterns: tuple[str, ...]) -> bool:
        if path in self.protected or path_problem(path):
            return False
        return any(matches(path, pattern) for pattern in patterns)


def parse_manifest(text: str, *, where: str = FILE_NAME) -> Manifest:
    """Read a manifest and check everything that can be checked without the target's files.

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
        evaluate=read_evaluate(root.table("evaluate", EVALUATE_KEYS)),
        metrics=read_metrics(root.table("metrics", None)),
        holdout=read_holdout(root),
        parameters=read_space(root.table("parameters", None)),
        features=read_features(root.table("features", None)),
        cheats=_cheats(root.table("cheats", None), edit_files),
        command=_command(root),
        stream=_stream(root),
        text=text,
    )
    _check_protection(manifest, where)
    _check_cheats_are_edits(manifest, where)
    _check_space(manifest, where)
    _check_command(manifest, where)
    _check_give_up(manifest, where)
    return manifest


def check_tree(manifest: Manifest, tree: Mapping[str, bytes], *, where: str = FILE_NAME) -> None:
    """Check a manifest against the target's files (path to content).

    Raises ManifestError when a file that the manifest names is missing, when one of them or an editable file is not
    UTF-8 text, or when an editable file's EVOLVE-BLOCK markers do not pair up.
    """
    for path, what in manifest.protected.items():
        if path not in tree and path != FILE_NAME:
            raise ManifestError(
                f"{where}: {what} {path} is missing from the target. Add that file or correct its name."
            )
    for pattern in manifest.edit_files:
        if not any(matches(path, pattern) for path in tree):
            raise ManifestError(f'{where}: edit.files "{pattern}" names no file of the target. Correct it.')
    for path in sorted(tree):
        if path in manifest.protected:
            _text_of(tree, path)
        elif manifest.is_editable(path):
            blocks(_text_of(tree, path), where=path)


def _text_of(tree: Mapping[str, bytes], path: str) -> str:
    if path not in tree:
        return ""
    try:
        return tree[path].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error


def check_name(name: str, *, where: str) -> str:
    """Return a target's name when it can also name a folder, else raise ManifestError."""
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
        checked_path(edit, "files", pattern)
    return files


def _command(root: Table) -> tuple[str, ...]:
    if "candidate" not in root.values:
        return ()
    table = root.table("candidate", ("command",))
    command = table.texts("command")
    if not command or not all(command) or any("\0" in part for part in command):
        raise table.error("command", 'has to be a program and its arguments, such as ["/bin/sh", "solution.sh"].')
    return command


def _stream(root: Table) -> Stream | None:
    if "stream" not in root.values:
        return None
    table = root.table("stream", STREAM_KEYS)
    return read_stream(table, read_module(table))


def _cheats(table: Table, edit_files: tuple[str, ...]) -> tuple[Cheat, ...]:
    return tuple(_cheat(name, table, edit_files) for name in table.values)


def _cheat(name: str, table: Table, edit_files: tuple[str, ...]) -> Cheat:
    if isinstance(table.values[name], dict):
        files = table.table(name, None)
        pairs = {checked_path(files, path, path): checked_path(files, path, files.text(path)) for path in files.values}
    elif len(edit_files) == 1 and not is_glob(edit_files[0]):
        pairs = {edit_files[0]: checked_path(table, name, table.text(name))}
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


def _check_command(manifest: Manifest, where: str) -> None:
    if (manifest.evaluate.protocol == "program") != bool(manifest.command):
        raise ManifestError(
            f'{where}: evaluate.protocol = "program" and candidate.command belong together. Write both, as in '
            'command = ["/bin/sh", "solution.sh"], or neither.'
        )
    if manifest.command and not any(manifest.is_editable(part) for part in manifest.command):
        raise ManifestError(
            f"{where}: candidate.command names none of the editable files, so no candidate would ever run. Name one."
        )


def _check_give_up(manifest: Manifest, where: str) -> None:
    bounded = manifest.primary.bound is not None or manifest.evaluate.race is not None
    if manifest.evaluate.give_up is not None and not bounded:
        raise ManifestError(
            f"{where}: evaluate.give_up can tell nothing before the last case: nothing bounds {manifest.primary.name}. "
            f"Declare metrics.{manifest.primary.name}.bound, or say after how many lost cases in evaluate.race."
        )
