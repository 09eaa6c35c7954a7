"""Strict reading of JSON that an untrusted process wrote: one value, no surprises."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAX_BYTES = 4 << 20
MAX_DEPTH = 32
MAX_DIGITS = 400

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?')
_BRACKET = re.compile(r"[\[\]{}]")


class BadResult(ValueError):
    """What arrived is not one plain JSON value within the limits."""


def read(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Parse exactly one JSON value of plain types from ``data`` (UTF-8).

    Refused with BadResult: more than ``max_bytes`` or ``max_depth`` levels, NaN, infinities, numbers too large for a
    float or longer than ``MAX_DIGITS``, duplicate keys, lone surrogates, bad UTF-8, anything after the value.
    """
    if len(data) > max_bytes:
        raise BadResult(f"it is larger than {max_bytes >> 10} KB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadResult("it is not UTF-8 text") from None
    _check_depth(text, max_depth)
    value = _parse(text)
    if "\\ud" in text or "\\uD" in text:
        _check_surrogates(value)
    return value


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_read_float,
            parse_int=_read_int,
            object_pairs_hook=_read_object,
        )
    except BadResult:
        raise
    except (ValueError, RecursionError) as error:
        raise BadResult(f"it is not JSON: {str(error)[:80]}") from None


def _check_depth(text: str, max_depth: int) -> None:
    """Refuse deep nesting before the parser recurses; brackets inside strings do not count."""
    if text.count("[") + text.count("{") <= max_depth:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            raise BadResult(f"it is nested more than {max_depth} levels deep")


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BadResult("it holds half of a surrogate pair") from None


def _refuse_constant(name: str) -> NoReturn:
    raise BadResult(f"{name} is not a JSON number")


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadResult(f"the number {text[:20]} is too large")
    return value


def _read_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadResult(f"a whole number has more than {MAX_DIGITS} digits")
    return int(text)


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadResult("an object has the same key twice")
    return value
