"""Task formats: a target as its author wrote it, seen as a native one with a ``countersign.toml``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from improvement.engine import openevolve, shinka
from improvement.engine.manifest import FILE_NAME, Manifest, check_name, check_tree, parse_manifest
from improvement.exceptions import ManifestError

COUNTERSIGN, OPENEVOLVE, SHINKA = "countersign", "openevolve", "shinka"
FORMATS = (COUNTERSIGN, OPENEVOLVE, SHINKA)

NO_HOLDOUT = (
    "There is no holdout: improvement is judged only by the evaluation that the loop itself sees. "
    "Add one as [holdout] in countersign.toml."
)
NOT_PYTHON = (
    "No editable file is Python, which is all that the strategies of Countersign change: their runs propose nothing. "
    "Bring changes with target pull, or add a strategy of your own (docs/strategy.md)."
)
COOPERATIVE = (
    "Scoring is cooperative: the evaluator runs the candidate in its own process, so a candidate could tamper with "
    "its score. Review such changes with more care."
)


@dataclass(frozen=True, slots=True)
class _Foreign:
    """A format without a manifest: what it is called, and who writes the manifest and the warnings for it."""

    called: str
    manifest_for: Callable[[Mapping[str, bytes], str], tuple[str, tuple[str, ...]]]


_FOREIGN: Mapping[str, _Foreign] = {
    OPENEVOLVE: _Foreign("An OpenEvolve task", openevolve.manifest_for),
    SHINKA: _Foreign("A ShinkaEvolve task", shinka.manifest_for),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """A task as a target: the tree (path to content) with its manifest, and what a person should know, in sentences."""

    tree: Mapping[str, bytes]
    manifest: Manifest
    format: str
    warnings: tuple[str, ...]


def recognise(tree: Mapping[str, bytes]) -> str:
    """Tell a task's format from its files; raises ManifestError when it is none of ``FORMATS``."""
    if FILE_NAME in tree:
        return COUNTERSIGN
    if openevolve.is_openevolve(tree):
        return OPENEVOLVE
    if shinka.is_shinka(tree):
        return SHINKA
    raise ManifestError(
        f"This is no target: there is neither a {FILE_NAME} nor an OpenEvolve task (initial_program.* "
        f"and evaluator.py) nor a ShinkaEvolve task (initial.* and evaluate.py). Write a {FILE_NAME}."
    )


def as_native(tree: Mapping[str, bytes], fmt: str, *, name: str | None) -> Imported:
    """See a task of format ``fmt`` as a native target, with every given file byte for byte.

    ``name`` replaces the manifest's own and is required for formats that have none. Raises ManifestError.
    """
    if fmt == COUNTERSIGN:
        return _native(tree, name)
    if fmt in _FOREIGN:
        return _from_foreign(tree, fmt, name)
    raise ManifestError(f'The format "{fmt}" cannot be imported. Known formats are {", ".join(FORMATS)}.')


def _native(tree: Mapping[str, bytes], name: str | None) -> Imported:
    if FILE_NAME not in tree:
        raise ManifestError(f"There is no {FILE_NAME} at the target's root. Write one.")
    try:
        manifest = parse_manifest(tree[FILE_NAME].decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ManifestError(f"{FILE_NAME}: is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    if name is not None:
        manifest = dataclasses.replace(manifest, name=check_name(name, where="The target's name"))
    check_tree(manifest, tree)
    return Imported(dict(tree), manifest, COUNTERSIGN, _general_warnings(manifest, tree))


def _from_foreign(tree: Mapping[str, bytes], fmt: str, name: str | None) -> Imported:
    foreign = _FOREIGN[fmt]
    if name is None:
        raise ManifestError(f"{foreign.called} has no name of its own. Give the target a name.")
    if FILE_NAME in tree:
        raise ManifestError(
            f"There is a {FILE_NAME} already. Import this as a countersign target, or remove that file."
        )
    text, warnings = foreign.manifest_for(tree, check_name(name, where="The target's name"))
    manifest = parse_manifest(text)
    native = {**tree, FILE_NAME: text.encode()}
    check_tree(manifest, native)
    return Imported(native, manifest, fmt, (*_general_warnings(manifest, native), *warnings))


def _general_warnings(manifest: Manifest, tree: Mapping[str, bytes]) -> tuple[str, ...]:
    apt = {
        COOPERATIVE: manifest.evaluate.isolation == "cooperative",
        NO_HOLDOUT: manifest.holdout is None,
        NOT_PYTHON: manifest.kind != "pipeline"
        and not manifest.parameters
        and not _has_editable_python(manifest, tree),
    }
    return tuple(warning for warning, yes in apt.items() if yes)


def _has_editable_python(manifest: Manifest, tree: Mapping[str, bytes]) -> bool:
    return any(path.endswith(".py") and manifest.is_editable(path) for path in tree)
