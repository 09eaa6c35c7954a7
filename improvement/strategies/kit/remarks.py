"""What people said of an earlier proposal, as lines that a model or a program can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WHOSE = {"old": "what was there", "new": "the change"}


def remarks(decision: Mapping[str, Any]) -> list[str]:
    """Return the grounds and the reason of a decision as one line, then a line for each comment that is not settled."""
    grounds = ", ".join(ground.replace("_", " ") for ground in decision.get("grounds", []))
    reason = ". ".join(part for part in (grounds, decision["reason"].strip()) if part)
    comments = [of_line(comment) for comment in decision.get("comments", []) if not comment["resolved"]]
    return [line for line in (reason, *comments) if line]


def of_line(comment: Mapping[str, Any]) -> str:
    """Return a comment with the line that it is about."""
    place = f"{comment['path']}, line {comment['line']} of {WHOSE[comment['side']]}"
    return f"{place} (`{comment['code'].strip()}`): {comment['text']}"
