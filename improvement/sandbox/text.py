"""Text from untrusted processes, made safe to store and to show."""

from __future__ import annotations

import re

from improvement.engine.visible import visible

_ANSI = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]{0,1000}(?:\x07|\x1b\\)?|[@-Z\\-_])")


def readable(data: bytes | str) -> str:
    """Turn ``data`` into text without terminal sequences, with other invisible characters shown by signs."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    return visible(_ANSI.sub("", text))


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
