"""The one way an event becomes bytes: a restricted profile of RFC 8785 (JSON Canonicalization Scheme)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from improvement.exceptions import LedgerError

LARGEST_INTEGER = 2**53 - 1


def canonical(event: Mapping[str, object]) -> bytes:
    """Return the canonical UTF-8 bytes of an event; these bytes are stored, hashed and exported as they are.

    The profile has text, whole numbers up to 2**53 - 1, true, false, null, lists and objects with ASCII keys. Within it
    Python's sorted, compact JSON is RFC 8785 byte for byte. Raises ``LedgerError`` naming the place of anything else.
    """
    try:
        _check(event, "event")
        text = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except RecursionError:
        raise LedgerError("The audit event is nested too deeply to be recorded: flatten its data.") from None
    except UnicodeEncodeError:
        raise LedgerError("The audit event holds broken Unicode text: replace those characters.") from None


def _check(value: object, where: str) -> None:
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise LedgerError(f"{where} is too large a number for JSON: write it as text.")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise LedgerError(f"{where} has the key {key!r}: keys are ASCII text.")
            _check(item, f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]")
    else:
        raise LedgerError(f"{where} is a {type(value).__name__}: write it as text (a fraction as decimal text).")
