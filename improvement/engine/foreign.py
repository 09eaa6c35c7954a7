"""What the imported task formats have in common: one program, what it imports anyway, settings in YAML."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import Template
from typing import TypeGuard

import yaml

from improvement.engine.blocks import blocks
from improvement.engine.stages import function_of
from improvement.exceptions import ManifestError

_HEAVY = {"networkx", "numpy", "pandas", "scipy", "sklearn", "sympy"}  # worth importing before each evaluation
_THERE = {*sys.stdlib_module_names, "numpy", "scipy", "openevolve", "shinka", "countersign"}
SHOWN, TOO_LONG = 40, 10**40
MOST_ALIASES = 20  # merged into one another, each of them multiplies what there is
REQUIREMENTS = "requirements.txt"
COMBINED, ERROR = "combined_score", "error"
DEFAULT_SECONDS = 300.0
MAX_SECONDS = 86_400
LARGEST = sys.float_info.max
_MANIFEST = Template("""\
# Made from $an $format task, whose own files are unchanged.

[target]
name = "$name"
description = "Imported from $an $format task."
kind = "code"

[edit]
files = ["$program"]

[evaluate]
module = "$evaluator"
isolation = "cooperative"
$protocol
seconds = $seconds
memory_mb = 2048
cpus = 1
$modules$stages
[metrics.combined_score]
better = "higher"
""")


def with_score(metrics: Mapping[str, float], primary: str) -> dict[str, float]:
    """Return metrics with ``combined_score``, where that is the primary one and not there: the mean of the others."""
    parts = [value for name, value in metrics.items() if name != ERROR]
    if primary != COMBINED or COMBINED in metrics or not parts:
        return dict(metrics)
    return {**metrics, COMBINED: sum(parts) / len(parts)}


def programs(tree: Mapping[str, bytes], stem: str) -> list[str]:
    """Return the files at the root of a task that are called ``stem``, whatever their language."""
    return sorted(path for path in tree if re.fullmatch(rf"{stem}\.[A-Za-z0-9_]+", path))


def one_program(tree: Mapping[str, bytes], stem: str, *, called: str) -> str:
    """Return the one program of a task; ManifestError when there is none, or when there are several."""
    found = programs(tree, stem)
    if not found:
        raise ManifestError(f"This {called} task has no {stem} file. Add it, for instance {stem}.py.")
    if len(found) > 1:
        raise ManifestError(f"This {called} task has several programs: {', '.join(found)}. Keep one of them.")
    return found[0]


def check_evaluator(tree: Mapping[str, bytes], evaluator: str, *, called: str) -> None:
    """Raise ManifestError when a task has no evaluator."""
    if evaluator not in tree:
        raise ManifestError(f"This {called} task has no {evaluator}. Add it.")


def manifest(
    tree: Mapping[str, bytes],
    *,
    name: str,
    called: str,
    protocol: str,
    files: tuple[str, str],
    seconds: float,
    thresholds: Sequence[float] = (),
) -> str:
    """Write the manifest's text.

    ``files`` are evaluator and program, ``protocol`` the manifest's lines on it, ``thresholds`` those of all stages but
    the last.
    """
    evaluator, program = files
    return _MANIFEST.substitute(
        an="an" if called[0] in "AEIOU" else "a",
        format=called,
        name=name,
        program=program,
        evaluator=evaluator,
        protocol=protocol,
        seconds=repr(seconds),
        modules=_modules(tree, [path for path in files if path.endswith(".py")]),
        stages="".join(_stage(place, threshold) for place, threshold in enumerate(thresholds)),
    )


def _stage(place: int, threshold: float) -> str:
    return f'\n[[evaluate.stages]]\nname = "{function_of("openevolve", place)}"\nthreshold = {threshold!r}\n'


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a setting is a finite number."""
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) <= LARGEST


def is_seconds(value: object) -> TypeGuard[float]:
    """Tell whether a setting is a time that an evaluation may take."""
    return is_number(value) and 0.1 <= value <= MAX_SECONDS


def warnings(tree: Mapping[str, bytes], program: str) -> Iterator[str]:
    """Say of a task in any format what its user should know."""
    if not blocks(tree[program].decode("utf-8", "replace"), where=program):
        yield f"{program} has no EVOLVE-BLOCK markers, so all of it may be changed."
    if REQUIREMENTS in tree:
        yield f"{REQUIREMENTS} is not installed: evaluations have Python with NumPy and SciPy."


def _modules(tree: Mapping[str, bytes], paths: Iterable[str]) -> str:
    """Write the manifest's lines on modules: those to begin with, and those that have to be installed."""
    parsed = [module for path in paths if (module := _parsed(tree[path]))]
    preload = {name for module in parsed for name in _imports(ast.walk(module)) if _first(name) in _HEAVY}
    own = {path.partition("/")[0].removesuffix(".py") for path in tree}
    packages = {_first(name) for module in parsed for name in _imports(module.body)} - _THERE - own
    return _line("packages", packages) + _line("preload", preload)


def _parsed(source: bytes) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _first(name: str) -> str:
    return name.partition(".")[0]


def _line(key: str, names: Iterable[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in sorted(names))
    return f"{key} = [{listed}]\n" if listed else ""


def settings(tree: Mapping[str, bytes], path: str, *, example: str) -> dict[str, object]:
    """Read a file of settings in YAML; without the file there are none.

    ``example`` shows in an error what such a file holds. Raises ManifestError.
    """
    try:
        text = tree.get(path, b"").decode("utf-8")
        if sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)) > MOST_ALIASES:
            raise ManifestError(
                f"{path}: refers to other parts of itself more than {MOST_ALIASES} times. Write them out."
            )
        values = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        raise ManifestError(f"{path}{_place(error)}: not valid YAML: {_reason(error)}. Correct that line.") from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: holds a value that cannot be read: {error}. Correct it.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ManifestError(f'{path}: has to hold settings such as "{example}". Correct it.')
    return values


def shown(value: object) -> str:
    """Show a setting's value in an error; of lists and mappings the kind, as aliases in YAML make them without end."""
    if isinstance(value, str):
        return value[:SHOWN]
    simple = value is None or (isinstance(value, (bool, int, float)) and not abs(value) >= TOO_LONG)
    return str(value) if simple else f"a value of type {type(value).__name__}"


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _reason(error: yaml.YAMLError) -> str:
    return " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split())
