"""One spelling of a value in bytes, so that equal values have equal digests."""

from __future__ import annotations

import hashlib
import json
import math

from improvement.exceptions import Invalid


def canonical(value: object) -> bytes:
    """Spell a JSON value in exactly one way: sorted keys, no spaces, UTF-8, no NaN or infinity."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise Invalid(f"This value has no canonical JSON form: {error}.") from error


def digest(value: object) -> str:
    """Return the SHA-256 (hex) of a JSON value's canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


def decimal(number: float | None) -> str | None:
    """Write a finite number as the shortest text that reads back as the same number."""
    if number is None:
        return None
    if not math.isfinite(number):
        raise Invalid(f"A number in the evidence is {number}; only finite numbers can be signed.")
    return repr(float(number))
