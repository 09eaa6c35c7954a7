"""One JSON value a line, over two descriptors.

The parser and the writer are the C parts of the standard library's ``json`` taken directly: importing the package
(it pulls in ``re`` and ``enum``) would double the start of a sandboxed interpreter.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Context:
    """What the C parser asks for; constants (NaN, Infinity) never come from the host."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}


def codec(default: Callable[[Any], Any]) -> tuple[Callable[[str], Any], Callable[[Any], str]]:
    """Return what reads one JSON value and what writes one; ``default`` converts values that JSON does not know."""
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner

        scan = make_scanner(_Context())  # type: ignore[arg-type]
        encode = make_encoder({}, default, encode_basestring_ascii, None, ":", ",", False, False, False)
        return lambda text: scan(text, 0)[0], lambda value: "".join(encode(value, 0))
    except (ImportError, TypeError):  # another interpreter, or another version of the private parts
        import json

        encoder = json.JSONEncoder(default=default, allow_nan=False, separators=(",", ":"))
        return json.loads, encoder.encode


class Wire:
    """Both directions of the channel to the host; ``default`` converts values that JSON does not know."""

    def __init__(self, reading: int, writing: int, default: Callable[[Any], Any] | None = None) -> None:
        self._lines = open(reading, "rb")
        self._writing = writing
        self._decode, self._encode = codec(default or refuse)

    def receive(self) -> Any:
        """Return the host's next message; EOFError when there will be none."""
        line = self._lines.readline()
        if not line:
            raise EOFError
        return self._decode(line.decode("utf-8").rstrip("\n"))

    def send(self, message: Any) -> None:
        """Write one message; TypeError or ValueError when it is not plain JSON."""
        data = (self._encode(message) + "\n").encode("ascii")
        while data:
            data = data[os.write(self._writing, data) :]


def refuse(value: Any) -> Any:
    """Say in one sentence which type cannot be sent."""
    kind = type(value).__name__
    advice = "; convert it with .tolist()" if hasattr(value, "tolist") else ""
    raise TypeError(f"a value of type {kind} is not plain JSON{advice}")


def plain(value: Any) -> Any:
    """Convert numbers and arrays of numerical libraries, and refuse everything else."""
    return value.tolist() if hasattr(value, "tolist") else refuse(value)
