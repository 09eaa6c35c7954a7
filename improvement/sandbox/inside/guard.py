"""Hurdles for a program that shares its process with its scoring: what it cannot do without being noticed.

Whoever shares a process can change everything in it, so none of this is a wall. It stops what has been seen in the
wild: functions of the evaluator or of a library exchanged, frames and the collector searched for the score, results
written past the evaluator. Everything that judges is held from before the program is loaded.
"""

from __future__ import annotations

import os
import sys
from operator import is_

from improvement.sandbox.inside.watching import own_folders, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import ModuleType
    from typing import Any, NoReturn

BASIC = (
    *("builtins", "sys", "os", "posix", "time", "math", "cmath", "json", "json.encoder", "json.decoder", "random"),
    *(
        "statistics",
        "itertools",
        "functools",
        "operator",
        "pickle",
        "copy",
        "subprocess",
        "importlib",
        "importlib.util",
    ),
    *("numpy", "numpy.linalg", "numpy.random"),
)
CONSTANTS = (bool, int, float, complex, str, bytes, tuple, frozenset)


class Guard:
    """Watches one evaluation from before its program is loaded, and sends its one result under a key."""

    def __init__(self, writing: int, encode: Callable[[Any], str], key: str, program: str) -> None:
        self.seal: Callable[[], None]
        self.send: Callable[[dict[str, Any]], NoReturn]
        self.seal, self.send = _guarded(_sender(writing, encode, key), program.rpartition("/")[0])


def _guarded(
    send: Callable[[dict[str, Any]], NoReturn], folder: str
) -> tuple[Callable[[], None], Callable[[dict[str, Any]], NoReturn]]:
    """Begin to watch; return what takes the snapshot, at the latest now, and what compares and sends."""
    taken: list[Callable[[], str]] = []

    def seal() -> None:
        if not taken:
            taken.append(snapshot())

    def finish(message: dict[str, Any]) -> NoReturn:
        changed = taken[0]() if taken else ""
        send({"tampered": f"it exchanged {changed}"} if changed else message)

    watch(folder, seal, lambda why: send({"tampered": why}))
    return seal, finish


def _sender(writing: int, encode: Callable[[Any], str], key: str) -> Callable[[dict[str, Any]], NoReturn]:
    write, leave = os.write, os._exit

    def send(message: dict[str, Any]) -> NoReturn:
        data = (encode({**message, "key": key}) + "\n").encode("ascii")
        while data:
            data = data[write(writing, data) :]
        leave(0)

    return send


# What was there before


def snapshot() -> Callable[[], str]:
    """Hold the functions that scoring may use; return what names the first that was exchanged, or nothing."""
    same, every, each, known = is_, all, map, set(dir(sys.modules["builtins"]))
    modules = [(module, _is_own(vars(module), own_folders())) for module in _guarded_modules()]
    spaces = [(module.__name__, vars(module), *_held(module, own)) for module, own in modules]
    mine = [(module.__name__, vars(module), set(vars(module))) for module, own in modules if own]
    codes = [
        (function, _insides(function))
        for (_, own), (*_, values) in zip(modules, spaces, strict=True)
        for function in _functions(values, own)
    ]

    def changed() -> str:
        for name, space, names, values in spaces:
            if not every(each(same, each(space.get, names), values)):
                return _first(name, space, names, values)
        for function, before in codes:
            if not every(each(same, _insides(function), before)):
                return f"the code of {function.__name__}"
        shadows = ((name, (space.keys() - before) & known) for name, space, before in mine)
        return next((f"{name}.{min(found)}" for name, found in shadows if found), "")

    return changed


def _guarded_modules() -> Iterator[ModuleType]:
    """The evaluator's own modules, our stand-ins, what both import, and the basic ones."""
    folders = own_folders()
    own = [module for module in list(sys.modules.values()) if _is_own(getattr(module, "__dict__", {}), folders)]
    used = [value for module in own for value in vars(module).values() if isinstance(value, type(sys))]
    basic = [sys.modules[name] for name in BASIC if name in sys.modules]
    return iter({id(module): module for module in (*own, *used, *basic)}.values())


def _is_own(space: Mapping[str, Any], folders: tuple[str, str]) -> bool:
    return str(space.get("__file__")).startswith(folders)


def _held(module: ModuleType, own: bool) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """What of a module nobody exchanges honestly, names and values: functions, classes, modules, constants."""
    held = {name: value for name, value in vars(module).items() if _is_fixed(name, value, own)}
    return tuple(held), tuple(held.values())


def _is_fixed(name: str, value: Any, own: bool) -> bool:
    if callable(value) or isinstance(value, type(sys)):
        return not name.endswith("hook")
    constant = name.isupper() and type(value) in CONSTANTS if own else type(value) is float
    return constant or name == "__builtins__"


def _functions(values: Iterable[Any], own: bool) -> Iterator[Any]:
    """The functions among the values and, for the evaluator's and our own, those of their classes."""
    kind = type(_functions)
    for value in values:
        if type(value) is kind:
            yield value
        elif own and isinstance(value, type):
            yield from (one for one in vars(value).values() if type(one) is kind)


def _insides(function: Any) -> tuple[Any, ...]:
    return function.__code__, function.__defaults__, function.__kwdefaults__


def _first(name: str, space: Mapping[str, Any], names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    pairs = zip(names, values, strict=True)
    return f"{name}." + next((one for one, value in pairs if space.get(one) is not value), "?")
