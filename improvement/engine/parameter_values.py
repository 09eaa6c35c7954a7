"""The values of declared parameters, as a candidate's files set them."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from improvement.engine.setting_changes import Plain
from improvement.engine.space import Parameter

_BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)


def read_values(space: Sequence[Parameter], files: Mapping[str, str]) -> dict[str, Plain]:
    """Return the value of each declared parameter that the files set, in the order of the space.

    In a ``.py`` file that is the literal which the module assigns to the name last, in a ``.toml`` or ``.json`` file
    the key of that name (``a.b`` is ``b`` of the table ``a``). The first file in alphabetical order that has it counts.
    """
    if not space:
        return {}
    tables = [_settings(path, files[path]) for path in sorted(files)]
    found = {one.name: next((table[one.name] for table in tables if one.name in table), None) for one in space}
    return {name: value for name, value in found.items() if isinstance(value, Plain)}


def _settings(path: str, text: str) -> dict[str, Any]:
    with suppress(*_BROKEN):
        match path.rpartition(".")[2]:
            case "py":
                return _assigned(ast.parse(text))
            case "toml":
                return _flat("", tomllib.loads(text))
            case "json":
                return _flat("", json.loads(text))
    return {}


def _assigned(module: ast.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            with suppress(*_BROKEN, TypeError):
                value = ast.literal_eval(node.value)
                found |= {target.id: value for target in targets if isinstance(target, ast.Name)}
    return found


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value} if prefix else {}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _flat(f"{prefix}.{key}" if prefix else key, inner)
    return found
