"""The text of TASK.md: everything that a program is told of its task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_FEEDBACK = 2_000
RULES = """\
Rules:
- Change only these files: {files}. Where a file has EVOLVE-BLOCK-START and EVOLVE-BLOCK-END, change only what stands
  between them. A change of any other file that is here blocks the whole attempt.
- Keep the names and arguments of functions: others call them.
- People read every change that gets far: make it as small and as clear as it can be.
- You need not commit. Nothing that you leave beside the files above is kept."""


def written(
    task: Mapping[str, Any], parent: Mapping[str, Any], tried: Sequence[Mapping[str, Any]], reasons: Iterable[str]
) -> str:
    """Write TASK.md for a program that begins from `parent` (its `score` and `feedback`)."""
    metric = task["metric"]
    parts = [
        f"# Improve {task['name']}",
        task.get("description", ""),
        f"The metric is {metric['name']}: {metric['better']} is better. The files as they are here score "
        f"{shown(parent['score'])}; the start scored {shown(task['score'])}.",
        guards(task),
        RULES.format(files=", ".join(sorted(task["files"]))),
        section("What the evaluation said of the files as they are here", [parent["feedback"][:MOST_FEEDBACK]]),
        section("What was tried before", [f"- {line(one)}" for one in tried]),
        section("What people said of earlier changes", [f"- {reason}" for reason in reasons]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def guards(task: Mapping[str, Any]) -> str:
    """Say what must not get worse."""
    held = [one for one in task["metrics"] if one["guard"] is not None]
    return " ".join(
        f"{one['name']} ({one['better']} is better) must not get worse by more than {one['guard']:g}." for one in held
    )


def section(title: str, lines: Sequence[str]) -> str:
    """Write a section, or nothing when there is nothing in it."""
    return "\n".join([f"## {title}", "", *lines]) if any(lines) else ""


def line(tried: Mapping[str, Any]) -> str:
    """Write one earlier attempt."""
    said = " ".join(tried["feedback"].split())[:300]
    what = f"{tried['outcome']}, {shown(tried['score'])}" if tried["score"] is not None else tried["outcome"]
    return f"{tried['note']}: {what}" + (f" ({said})" if said else "")


def shown(score: float | None) -> str:
    """Write a score."""
    return "nothing yet" if score is None else f"{score:.6g}"
