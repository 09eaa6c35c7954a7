"""Where parameters stand in the editable files, and how to write other values there without touching the rest."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.blocks import changeable, numbers
from kit.conversation import RefusalError
from kit.edits import Edit, Places, edited

TOML_VALUE = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|[^\s,#\]}]+')


@dataclass(frozen=True)
class Site:
    """One value in one file: its character range, and what it is now."""

    path: str
    start: int
    end: int
    value: Any


def find(name: str, files: Mapping[str, str]) -> Site:
    """Return where a parameter stands: `NAME = literal` at module level, or the key of a .toml or .json file.

    In .toml and .json a name with dots reaches into tables. Raises RefusalError when no file, or no literal, has it.
    """
    for path in sorted(files):
        site = find_in(name, path, files[path])
        if site is not None:
            return site
    raise RefusalError(
        f"No editable file sets the parameter {name!r}: write {name} = <value> at module level or as a key."
    )


def find_in(name: str, path: str, text: str) -> Site | None:
    """Return where a parameter stands in one file, None when it does not."""
    key = name.rpartition(".")[2]
    if path.endswith(".py"):
        return find_assignment(name, path, text)
    if path.endswith(".toml"):
        return find_key(name, path, text, tomllib.loads, rf"(?m)^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*=[ \t]*")
    if path.endswith(".json"):
        return find_key(name, path, text, json.loads, rf"{re.escape(json.dumps(key))}\s*:\s*")
    return None


def find_assignment(name: str, path: str, text: str) -> Site | None:
    """Return the literal that a module assigns to a name last, None when it assigns none."""
    site = None
    for node in ast.parse(text).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if any(isinstance(target, ast.Name) and target.id == name for target in targets) and is_literal(value):
            site = Site(path, *Places(text).span(value), ast.literal_eval(value))
    return site


def is_literal(node: ast.AST | None) -> bool:
    """Whether a node is a number, a string or a truth value written out, with or without a minus."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, float, str, bool)


def find_key(name: str, path: str, text: str, load: Any, pattern: str) -> Site | None:
    """Return the place of a key's value: the one where another value changes just this key and nothing else."""
    data = load(text)
    present, value = reach(data, name)
    if not present:
        return None
    for match in re.finditer(pattern, text):
        end = value_end(text, match.end(), load is json.loads)
        probe = not value if isinstance(value, bool) else "probe" if isinstance(value, str) else value + 1
        try:
            changed = load(text[: match.end()] + json.dumps(probe) + text[end:])
        except ValueError:
            continue
        if changed == replaced(data, name.split("."), probe):
            return Site(path, match.end(), end, value)
    return None


def reach(data: Any, name: str) -> tuple[bool, Any]:
    """Return whether a dotted name reaches a plain value in nested tables, and the value."""
    for part in name.split("."):
        if not isinstance(data, dict) or part not in data:
            return False, None
        data = data[part]
    return isinstance(data, (bool, int, float, str)), data


def replaced(data: dict, parts: list[str], value: Any) -> dict:
    """Return nested tables with one value replaced."""
    inner = value if len(parts) == 1 else replaced(data[parts[0]], parts[1:], value)
    return {**data, parts[0]: inner}


def value_end(text: str, start: int, is_json: bool) -> int:
    """Return where the plain value that begins at `start` ends."""
    if is_json:
        return json.JSONDecoder().raw_decode(text, start)[1]
    match = TOML_VALUE.match(text, start)
    return match.end() if match else start


def write(files: Mapping[str, str], values: Mapping[Site, Any]) -> dict[str, str]:
    """Return the files with these values at their sites and every other character as it was."""
    edits: dict[str, list[Edit]] = {path: [] for path in files}
    for site, value in values.items():
        if value != site.value or type(value) is not type(site.value):
            edits[site.path].append(Edit(site.start, site.end, spelled(value, site.path)))
    return {path: edited(text, edits[path]) for path, text in files.items()}


def spelled(value: Any, path: str) -> str:
    """Return a value as the file's language writes it; floats with at most six significant digits."""
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    return repr(value) if path.endswith(".py") else json.dumps(value)


def literals(files: Mapping[str, str], most: int) -> list[Site]:
    """Return the numbers in the evolve blocks (or whole files without markers), at most `most` of them.

    Indices, and the integers 0, 1 and 2, are left out: they are nearly always a part of the program's form.
    """
    found = [
        Site(path, number.start, number.end, number.value)
        for path in sorted(files)
        if path.endswith(".py")
        for number in numbers(files[path], changeable(files[path]))
        if type(number.value) is float or number.value > 2
    ]
    return found[:most]
