"""The search: choose what a program begins from, have it edit a copy, and keep what became better."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import instructions
from kit.conversation import RefusalError
from kit.remarks import remarks

MOST_REASONS = 8


@dataclass(frozen=True)
class Settings:
    """What users may set; see strategy.toml."""

    command: str = ""
    seconds: int = 600
    elites: int = 4
    history: int = 12
    patience: int = 3


@dataclass
class Member:
    """Files that were measured; number None is the start, or a champion that came from elsewhere."""

    number: int | None
    files: dict[str, str]
    score: float | None
    feedback: str = ""


class Search:
    """Elites of this run, and what was tried."""

    def __init__(self, task: Mapping[str, Any], seed: int, settings: Settings) -> None:
        self.task = task
        self.settings = settings
        self.argv = split(settings.command)
        self.chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.next_number = 0
        self.members = [Member(None, dict(task["files"]), task["score"], task.get("feedback", ""))]
        self.pending: dict[int, dict[str, str]] = {}
        self.tried: list[dict[str, Any]] = []
        self.reasons: list[str] = []
        self.barren = 0

    def ask(self, count: int) -> Generator[dict, list[dict], list[dict]]:
        """Have the program edit `count` copies, and propose what it made of them; nothing when that has become vain."""
        if self.barren >= self.settings.patience:
            return []
        parents = [self.members[0], *(self.chance.choice(self.members) for _ in range(count - 1))]
        answers = yield {"type": "commands", "commands": [self.command(parent) for parent in parents]}
        refuse_what_never_started(answers)
        return [self.proposal(parent, answer) for parent, answer in zip(parents, answers, strict=True)]

    def command(self, parent: Member) -> dict[str, Any]:
        """Return what is to be run on a copy of the parent."""
        task = instructions.written(self.task, asdict(parent), self.recent(), self.reasons)
        argv = filled(self.argv, sorted(self.task["files"]), task)
        return {"argv": argv, "files": parent.files, "task": task, "seconds": self.settings.seconds}

    def recent(self) -> list[dict[str, Any]]:
        """Return the attempts that a program is told of."""
        return self.tried[-self.settings.history :] if self.settings.history else []

    def proposal(self, parent: Member, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Propose what a program left, and remember it until it is measured."""
        files = {**parent.files, **answer["files"]}
        note = told(self.argv[0], answer)
        self.pending[self.next_number] = files
        self.tried.append({"number": self.next_number, "note": note, "outcome": "", "score": None, "feedback": ""})
        self.next_number += 1
        parents = [] if parent.number is None else [parent.number]
        operator = self.argv[0].rpartition("/")[2]
        transcript = answer["transcript"]
        return {"files": files, "parents": parents, "operator": operator, "note": note, "transcript": transcript}

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Take in what was measured and what people decided."""
        for result in results:
            self.take(result)
        if results:
            vain = all(result["outcome"] == "duplicate" for result in results)
            self.barren = self.barren + 1 if vain else 0
        for decision in decisions:
            if decision["verdict"] == "rejected":
                self.members = [one for one in self.members if one.number != decision["number"]]
            said = [f"{decision['verdict'].replace('_', ' ')}: {remark}" for remark in remarks(decision)]
            self.reasons = [*self.reasons, *said][-MOST_REASONS:]
        if champion is not None:
            known = next((one.number for one in self.members if one.files == champion["files"]), None)
            self.members = [one for one in self.members if one.files != champion["files"]]
            self.members.append(Member(known, champion["files"], champion["score"], champion.get("feedback", "")))
        self.members = self.best()

    def meet(self, foreign: Sequence[Mapping[str, Any]]) -> None:
        """Take in what other strategies of the run found, to begin from where it is good."""
        for one in foreign:
            feedback = one["feedback"][: instructions.MOST_FEEDBACK]
            self.members.append(Member(one["number"], one["files"], one["score"], feedback))
        self.members = self.best()

    def take(self, result: Mapping[str, Any]) -> None:
        """Note what became of one proposal."""
        files = self.pending.pop(result["number"])
        feedback = result["feedback"][: instructions.MOST_FEEDBACK]
        for one in self.tried:
            if one["number"] == result["number"]:
                one.update(outcome=result["outcome"], score=result["score"], feedback=feedback)
        if result["outcome"] == "ok":
            self.members.append(Member(result["number"], files, result["score"], feedback))

    def best(self) -> list[Member]:
        """Return the elites, the best first; the start stays as long as nothing else is there."""
        sign = -1.0 if self.task["metric"]["better"] == "higher" else 1.0
        worst = float("inf")
        ranked = sorted(self.members, key=lambda one: worst if one.score is None else sign * one.score)
        elites = ranked[: self.settings.elites]
        return elites or [Member(None, dict(self.task["files"]), self.task["score"])]

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on."""
        version, numbers, gauss = self.chance.getstate()
        state = {
            "chance": [version, list(numbers), gauss],
            "next_number": self.next_number,
            "members": [asdict(one) for one in self.members],
            "pending": list(self.pending.items()),
            "tried": self.recent(),
            "reasons": self.reasons,
            "barren": self.barren,
        }
        return json.dumps(state)

    def restore(self, state: str) -> None:
        """Go on where a snapshot was taken."""
        kept = json.loads(state)
        version, numbers, gauss = kept["chance"]
        self.chance.setstate((version, tuple(numbers), gauss))
        self.next_number = kept["next_number"]
        self.members = [Member(**one) for one in kept["members"]]
        self.pending = dict(kept["pending"])
        self.tried, self.reasons, self.barren = kept["tried"], kept["reasons"], kept["barren"]


def split(command: str) -> list[str]:
    """Return the program and its arguments; raises RefusalError."""
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise RefusalError(f"The setting command cannot be read as a command line: {error}.") from error
    if not argv:
        raise RefusalError("The setting command is empty: name the program that edits, such as --param command='…'.")
    return argv


def filled(argv: Sequence[str], files: Sequence[str], task: str) -> list[str]:
    """Put the editable files and the task where the command line asks for them."""
    words = [word for part in argv for word in (files if part == "{files}" else [part])]
    return [word.replace("{task}", task) for word in words]


def refuse_what_never_started(answers: Sequence[Mapping[str, Any]]) -> None:
    """Refuse to go on with a program that cannot be started at all."""
    if all(answer["how"] == "not_started" for answer in answers):
        raise RefusalError(
            f"The program cannot be started: {answers[0]['why']}. An administrator names the folders of programs in "
            "the setting COUNTERSIGN_AGENT_PATHS."
        )


def told(program: str, answer: Mapping[str, Any]) -> str:
    """Write the line that reviewers read."""
    ended = f"exit {answer['status']}" if answer["how"] == "exit" else f"{answer['how']} {answer['why']}".strip()
    left = f"; left out: {', '.join(answer['left_out'])}" if answer["left_out"] else ""
    return f"{program.rpartition('/')[2]}: {ended}, {len(answer['files'])} files changed{left}"
