"""Questions to models, put together from the templates in `prompts/`."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from archive import Archive, Program

PROMPTS = Path(__file__).parent / "prompts"
LONGEST_FEEDBACK = 6000
SHOWN_FAILURES = 3

Message = dict[str, str]


def template(name: str, **parts: str) -> str:
    """Return a template filled in; what is put in is never read as a template itself."""
    return Template((PROMPTS / f"{name}.md").read_text(encoding="utf-8")).substitute(parts).strip()


def quoted(what: str, text: str) -> str:
    """Return text between two lines that it cannot hold itself, because they name its digest."""
    code = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"BEGIN {what} {code}\n{text.rstrip()}\nEND {what} {code}"


class Prompts:
    """The questions of one run; `task` is what the host says of the target, `letters` the most of a question."""

    def __init__(self, task: Mapping[str, Any], form: str, letters: int, others: int) -> None:
        self.task = task
        self.system = template("system", form=template(form))
        self.letters = letters
        self.others = others

    def ask(self, operator: str, parent: Program, archive: Archive) -> list[Message]:
        """Return the messages that ask for a change of a parent."""
        contrasts = archive.contrasts(parent, self.others)
        known = fitting(
            [*remarks(archive), *map(self.contrast_to(parent), contrasts), *failures(archive)], self.letters
        )
        question = template(operator, task=self.target(), program=self.program(parent), known=known)
        return [{"role": "system", "text": self.system}, {"role": "user", "text": question}]

    def target(self) -> str:
        """Return what is to be reached."""
        metric = self.task["metric"]
        lines = [
            f"The task: {self.task.get('description') or self.task['name']}",
            f"The score is `{metric['name']}`; {metric['better']} is better.",
        ]
        lines += [
            f"`{other['name']}` must not get worse by more than {other['guard']:g}."
            for other in self.task["metrics"]
            if other["guard"] is not None
        ]
        return "\n".join(lines)

    def program(self, program: Program) -> str:
        """Return a program with its score and what the evaluator said of it."""
        parts = [quoted(f"file {path}", text) for path, text in sorted(program.files.items())]
        parts.append(f"It {scored(program)}.")
        if program.feedback:
            parts.append(quoted("what was said of it", shortened(program.feedback)))
        return "\n\n".join(parts)

    def contrast_to(self, parent: Program) -> Any:
        """Return what shows another program as its difference from the parent."""

        def shown(other: Program) -> str:
            changes = "\n".join(unified(parent.files, other.files))
            return f"Another program {scored(other)}. Against the program above:\n" + quoted("difference", changes)

        return shown


def remarks(archive: Archive) -> list[str]:
    """Return what reviewers said, the latest last."""
    if not archive.remarks:
        return []
    return ["What reviewers said of earlier changes:\n" + quoted("reviews", "\n".join(archive.remarks))]


def failures(archive: Archive) -> list[str]:
    """Return what failed lately, and how."""
    base = archive.base.files
    return [
        "An earlier attempt failed:\n"
        + quoted("difference", "\n".join(unified(base, one.files)))
        + "\n"
        + quoted("message", shortened(one.feedback))
        for one in reversed(archive.failures[-SHOWN_FAILURES:])
    ]


def repair(problem: str) -> str:
    """Return what is said to a model whose answer cannot be used."""
    return template("repair", problem=problem)


def fitting(parts: Sequence[str], letters: int) -> str:
    """Return the parts that fit, the first ones first; one that is too long is left out, never cut."""
    taken: list[str] = []
    for part in parts:
        if sum(map(len, taken)) + len(part) <= letters:
            taken.append(part)
    return "\n\n".join(taken)


def scored(program: Program) -> str:
    """Return what a program scores, in words."""
    if program.score is None:
        return "could not be measured"
    more = ", ".join(f"{name} {value:.6g}" for name, value in sorted(program.metrics.items())[:8])
    return f"scores {program.score:.6g}" + (f" ({more})" if more else "")


def shortened(text: str) -> str:
    """Return the beginning and the end of a long text."""
    if len(text) <= LONGEST_FEEDBACK:
        return text
    half = LONGEST_FEEDBACK // 2
    return f"{text[:half]}\n…\n{text[-half:]}"


def unified(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the lines of a difference of some files."""
    lines: list[str] = []
    for path in sorted(after):
        old, new = before.get(path, "").splitlines(), after[path].splitlines()
        lines += difflib.unified_diff(old, new, path, path, lineterm="", n=2)
    return lines
