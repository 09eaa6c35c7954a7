"""The candidate's process: it holds the candidate's files and answers the calls that the host relays."""

from __future__ import annotations

import os

from improvement.sandbox.inside.modules import flush, load, one_line, show_error
from improvement.sandbox.inside.wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def candidate(reading: int, writing: int, arguments: list[str]) -> None:
    """Answer calls until the host closes the channel; ``arguments`` are the callable files' paths."""
    wire = Wire(reading, writing)
    paths = {path.rpartition("/")[2].removesuffix(".py"): path for path in reversed(arguments)}
    _load_early(arguments)
    while True:
        try:
            request = wire.receive()
        except EOFError:
            os._exit(0)
        _answer(wire, request, paths)


def _load_early(arguments: list[str]) -> None:
    """Import the first file while the evaluator still starts; an error shows again, and is reported, at the call."""
    try:
        load(arguments[0])
    except BaseException:
        return


def _answer(wire: Wire, request: dict[str, Any], paths: dict[str, str]) -> None:
    try:
        value = _call(request, paths)
    except BaseException as error:
        show_error()
        flush()
        wire.send({"id": request["id"], "error": one_line(error)})
        return
    flush()
    try:
        wire.send({"id": request["id"], "value": value})
    except (TypeError, ValueError, RecursionError) as error:
        wire.send({"id": request["id"], "error": f"what {request['function']} returned cannot be used: {error}"})


def _call(request: dict[str, Any], paths: dict[str, str]) -> Any:
    name = request["module"]
    if name not in paths:
        raise LookupError(f"there is no editable Python file called {name}.py")
    function = getattr(load(paths[name]), request["function"], None)
    if not callable(function):
        raise LookupError(f"{paths[name]} defines no function called {request['function']}")
    return function(*request["args"], **request["kwargs"])
