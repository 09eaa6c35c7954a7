"""Text from untrusted processes, made safe to store and to show."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]{0,1000}(?:\x07|\x1b\\)?|[@-Z\\-_])")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def readable(data: bytes | str) -> str:
    """Turn ``data`` into text without terminal sequences, with other invisible characters shown.

    Control characters become their pictures (``␀``), bidirectional and zero-width ones their number (``<U+202E>``).
    """
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _INVISIBLE.sub(lambda match: _shown(ord(match.group())), text)


def tail(text: str, max_bytes: int) -> str:
    """Keep the end of ``text``, at most ``max_bytes`` of UTF-8, and say when something was cut."""
    data = text.encode("utf-8")
    if len(data) <= max_bytes:
        return text
    mark = "[earlier text cut]\n"
    return mark + data[len(data) - max_bytes + len(mark) :].decode("utf-8", "ignore")


def head(text: str, max_bytes: int) -> str:
    """Keep the start of ``text``, at most ``max_bytes`` of UTF-8, and say when something was cut."""
    data = text.encode("utf-8")
    if len(data) <= max_bytes:
        return text
    mark = "\n[text cut here]"
    return data[: max_bytes - len(mark)].decode("utf-8", "ignore") + mark


def _shown(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"
