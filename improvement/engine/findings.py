"""What a reviewer should be told about a change beyond its numbers, found without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from improvement.engine.visible import is_bidirectional, is_hidden


class Severity(StrEnum):
    """What a finding asks for: nothing may release it, a second person must agree, or it is only worth knowing."""

    BLOCK = "block"
    SECOND_PERSON = "second_person"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know, with a stable code for policies and one sentence for people."""

    code: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class _Reach:
    code: str
    severity: Severity
    what: str


_NETWORK = _Reach("new_network", Severity.SECOND_PERSON, "the network")
_PROCESS = _Reach("new_process", Severity.SECOND_PERSON, "other programs")
_NATIVE = _Reach("new_native", Severity.SECOND_PERSON, "native code or raw memory")
_FILES = _Reach("new_files", Severity.NOTE, "the file system")
_INSIDE = _Reach("new_introspection", Severity.NOTE, "the inside of the running program")
_COMPUTED = _Reach("computed_name", Severity.SECOND_PERSON, "something by a name that is put together while it runs")
_OTHER = _Reach("new_import", Severity.NOTE, "a module that was not used before")

_MODULES: Mapping[str, _Reach] = {
    **dict.fromkeys(("socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests", "httpx", "aiohttp"), _NETWORK),
    **dict.fromkeys(("socketserver", "telnetlib", "imaplib", "poplib", "xmlrpc", "websockets", "asyncio"), _NETWORK),
    **dict.fromkeys(("subprocess", "multiprocessing", "pty", "concurrent", "signal"), _PROCESS),
    **dict.fromkeys(("ctypes", "cffi", "_ctypes", "mmap", "pickle", "marshal"), _NATIVE),
    **dict.fromkeys(("os", "pathlib", "shutil", "io", "tempfile", "glob", "sqlite3", "shelve"), _FILES),
    **dict.fromkeys(
        ("sys", "gc", "inspect", "importlib", "builtins", "atexit", "threading", "types", "runpy"), _INSIDE
    ),
}

_BUILTINS: Mapping[str, _Reach] = {
    "open": _FILES,
    **dict.fromkeys(("eval", "exec", "compile", "__import__", "globals", "locals", "getattr", "setattr"), _INSIDE),
}

_NAME_AT = {"getattr": 1, "setattr": 1, "__import__": 0, "eval": 0, "exec": 0}
"""Which argument of these functions is the name that they reach for."""

_ATTRIBUTES: Mapping[str, _Reach] = {
    **dict.fromkeys(("__globals__", "__builtins__", "__subclasses__", "__code__", "__closure__", "_getframe"), _INSIDE),
    **dict.fromkeys(("system", "popen", "fork", "execv", "execve", "posix_spawn"), _PROCESS),
}


def in_source(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Finding, ...]:
    """Report what the new files reach for, or hide, that the old ones did not."""
    found: list[Finding] = []
    for path in sorted(new):
        before, after = old.get(path, ""), new[path]
        if after != before:
            found += _hidden_characters(path, before, after)
            if path.endswith(".py"):
                found += _new_reach(path, before, after)
    return tuple(found)


def _new_reach(path: str, before: str, after: str) -> Iterator[Finding]:
    for name, reach in sorted((_reaches(after).items() - _reaches(before).items()), key=lambda pair: pair[0]):
        yield Finding(reach.code, reach.severity, f"{path} newly uses {name}: it reaches for {reach.what}.")


def _reaches(text: str) -> dict[str, _Reach]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    reaches: dict[str, _Reach] = {}
    for node in ast.walk(tree):
        for module in _imported(node):
            reaches[module] = _MODULES.get(module.partition(".")[0], _OTHER)
        if isinstance(node, ast.Name) and node.id in _BUILTINS:
            reaches[node.id] = _BUILTINS[node.id]
        if isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES:
            reaches[node.attr] = _ATTRIBUTES[node.attr]
        if isinstance(node, ast.Call) and _puts_a_name_together(node):
            reaches[ast.unparse(node)[:80]] = _COMPUTED
    return reaches


def _puts_a_name_together(call: ast.Call) -> bool:
    """Tell ``getattr(math, "si" + "n")`` from ``getattr(math, name)``, ``getattr(f(), "sin")`` and the like."""
    place = _NAME_AT.get(call.func.id) if isinstance(call.func, ast.Name) else None
    texts = (ast.BinOp, ast.JoinedStr, ast.Subscript, ast.Call, ast.Starred)
    return place is not None and any(isinstance(argument, texts) for argument in call.args[place : place + 1])


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level + (node.module or "")]
    return []


def _hidden_characters(path: str, before: str, after: str) -> Iterator[Finding]:
    before, after = (text.replace("\r\n", "\n") for text in (before, after))
    for kind, is_one in (("bidirectional", is_bidirectional), ("hidden", is_hidden)):
        characters = sorted({one for one in after if is_one(one) and after.count(one) > before.count(one)})
        if characters:
            codes = ", ".join(f"U+{ord(one):04X}" for one in characters)
            text = f"{path} contains {kind} characters ({codes}): what is shown may not be what runs."
            yield Finding(f"{kind}_characters", Severity.SECOND_PERSON, text)
