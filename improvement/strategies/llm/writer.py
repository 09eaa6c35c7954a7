"""The strategy: asks models for changes, makes programs of their answers, and learns which were worth it."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from applying import applied
from archive import Archive, Program
from choosing import Models, cost_of
from kit.conversation import RefusalError
from kit.remarks import remarks
from novelty import mark, syntax_problem
from prompting import Message, Prompts, repair
from reading import UnusableError, read, summary

NEW_BEST, BETTER = 1.0, 0.3
OPERATORS = {"improve": 4.0, "depart": 1.0, "combine": 1.5, "debug": 8.0}
"""What a model is asked for and how often, where there is occasion."""
MENDING = 0.3
"""How often a draft mends the latest failure, when there is one that nobody mended."""
ENOUGH_TO_COMBINE = 3
FAULTS = re.compile(r"FAIL|Error\b|Traceback|failed", re.IGNORECASE)
VAIN_GENERATIONS = 3
LONGEST_NOTE = 300
LARGEST_SEED = 2**31

Request = dict[str, Any]
Answer = Mapping[str, Any]
Asking = Generator[dict[str, Any], list[Answer], list[dict[str, Any]]]


@dataclass(frozen=True)
class Settings:
    """What `strategy.toml` and the user may set."""

    choice: str = "bandit"
    answer: str = "edits"
    repairs: int = 1
    attempts: int = 2
    elites: int = 12
    others: int = 2
    temperature: float = 0.8
    max_tokens: int = 4096
    prompt_letters: int = 60_000


@dataclass
class Draft:
    """One proposal in the making: whom it asks for what, and what came of it."""

    model: str
    operator: str
    parent: Program
    messages: list[Message]
    cost: float = 0.0
    problem: str = ""
    answered: bool = False
    files: dict[str, str] | None = None
    note: str = ""
    transcript: str = ""


@dataclass
class Waiting:
    """A proposal whose result is not known yet."""

    files: dict[str, str]
    model: str
    cost: float
    merit: float | None
    note: str


@dataclass
class Memory:
    """What the next questions depend on, beside the archive and the models."""

    proposed: int = 0
    vain: int = 0
    known: list[str] = field(default_factory=list)


class Writer:
    """A search by language models; see `strategy.toml` for its settings."""

    def __init__(self, task: Mapping[str, Any], seed: int, settings: Settings) -> None:
        if not task.get("models"):
            raise RefusalError("This strategy asks language models, and the run has none: choose some for it.")
        self.settings = settings
        self.sign = 1.0 if task["metric"]["better"] == "higher" else -1.0
        self.chance = random.Random(seed)  # noqa: S311 - a search, not a secret
        self.models = Models(task["models"], settings.choice)
        self.prompts = Prompts(task, settings.answer, settings.prompt_letters, settings.others)
        start = self.program(None, task["files"], task["score"], task.get("start") or {}, task.get("feedback", ""))
        self.archive = Archive(start, settings.elites)
        self.waiting: dict[int, Waiting] = {}
        self.memory = Memory(known=[mark(task["files"])])

    def program(
        self, number: int | None, files: Mapping[str, str], score: float | None, metrics: Mapping, feedback: str = ""
    ) -> Program:
        """Return a program as the archive keeps it."""
        merit = None if score is None else self.sign * score
        return Program(number, dict(files), score, merit, dict(metrics), feedback)

    def ask(self, count: int) -> Asking:
        """Ask models until there is a proposal; yields questions and takes their answers."""
        drafts: list[Draft] = []
        for _ in range(self.settings.attempts):
            fresh = [self.draft() for _ in range(count)]
            drafts += fresh
            yield from self.answered(fresh)
            if any(draft.files for draft in fresh) or not any(draft.answered for draft in fresh):
                break
        return self.proposals(drafts)

    def draft(self) -> Draft:
        """Begin a proposal."""
        model = self.models.choose(self.chance)
        failed = self.unmended()
        if failed is not None and self.chance.random() < MENDING:
            failed.mended += 1
            return self.drafted(model, "mend", failed)
        parent = self.archive.parent(self.chance)
        return self.drafted(model, self.operator(parent), parent)

    def drafted(self, model: str, operator: str, parent: Program) -> Draft:
        """Return a draft with its question."""
        return Draft(model, operator, parent, self.prompts.ask(operator, parent, self.archive))

    def unmended(self) -> Program | None:
        """Return the latest failure, when nobody was asked to mend it yet."""
        latest = self.archive.failures[-1:]
        return latest[0] if latest and not latest[0].mended else None

    def operator(self, parent: Program) -> str:
        """Return what to ask for: what there is occasion for, by chance."""
        weights = dict(OPERATORS)
        if not FAULTS.search(parent.feedback):
            del weights["debug"]
        if len(self.archive.elites) < ENOUGH_TO_COMBINE:
            del weights["combine"]
        return self.chance.choices(list(weights), list(weights.values()))[0]

    def answered(self, drafts: Sequence[Draft]) -> Generator[dict[str, Any], list[Answer], None]:
        """Put the drafts' questions, and once more to those whose answer cannot be used."""
        asking = list(drafts)
        for left in range(self.settings.repairs, -1, -1):
            if not asking:
                return
            answers = yield {"type": "models", "requests": [self.request(draft) for draft in asking]}
            for draft, answer in zip(asking, answers, strict=True):
                self.take(draft, answer)
            asking = [draft for draft in asking if draft.answered and draft.files is None and left]

    def request(self, draft: Draft) -> Request:
        """Return a draft's question."""
        return {
            "messages": list(draft.messages),
            "model": draft.model,
            "max_tokens": self.models.most_tokens(draft.model, self.settings.max_tokens),
            "temperature": self.settings.temperature if self.settings.temperature >= 0 else None,
            "seed": self.chance.randrange(LARGEST_SEED),
        }

    def take(self, draft: Draft, answer: Answer) -> None:
        """Make files of an answer, or note what is wrong with it and say so to the model."""
        draft.cost += cost_of(answer)
        draft.answered = answer["error"] is None
        if answer["error"] is not None:
            draft.problem = answer["error"]
            return
        try:
            draft.files = self.files(draft.parent, answer)
            draft.note, draft.transcript = note(answer["text"], draft), answer["transcript"]
            self.memory.known.append(mark(draft.files))
        except UnusableError as problem:
            draft.problem = str(problem)
            told = answer["text"].strip() or "(nothing)"
            draft.messages += [{"role": "assistant", "text": told}, {"role": "user", "text": repair(draft.problem)}]

    def files(self, parent: Program, answer: Answer) -> dict[str, str]:
        """Return the parent's files with an answer's edits; raises UnusableError."""
        if not answer["text"].strip():
            raise UnusableError("The answer is empty.")
        if answer["finish_reason"] == "length":
            raise UnusableError("The answer was cut off for its length. Give less text: only the lines that change.")
        files = applied(parent.files, read(answer["text"], sorted(parent.files)))
        if problem := syntax_problem(files):
            raise UnusableError(problem)
        if mark(files) in self.memory.known:
            raise UnusableError("This program was tried before. Change something else.")
        return files

    def proposals(self, drafts: Sequence[Draft]) -> list[dict[str, Any]]:
        """Return what came of a generation; raises RefusalError when models gave nothing usable for too long."""
        made = [draft for draft in drafts if draft.files is not None]
        for draft in drafts:
            if draft.files is None:
                self.models.reward(draft.model, 0.0, draft.cost)
        if made:
            self.memory.vain = 0
            return [self.proposal(draft) for draft in made]
        return self.nothing(drafts)

    def proposal(self, draft: Draft) -> dict[str, Any]:
        """Return one proposal and wait for its result."""
        assert draft.files is not None
        waiting = Waiting(draft.files, draft.model, draft.cost, draft.parent.merit, draft.note)
        self.waiting[self.memory.proposed] = waiting
        self.memory.proposed += 1
        parents = [] if draft.parent.number is None else [draft.parent.number]
        return {
            "files": draft.files,
            "parents": parents,
            "operator": f"{draft.operator} by {draft.model}",
            "note": draft.note,
            "transcript": draft.transcript,
        }

    def nothing(self, drafts: Sequence[Draft]) -> list[dict[str, Any]]:
        """Say that a generation was in vain: the base as it is, with what was wrong as its note."""
        problems = Counter(draft.problem.splitlines()[0] for draft in drafts)
        said = "; ".join(f"{count} × {problem}" for problem, count in problems.most_common(3))
        self.memory.vain += 1
        if self.memory.vain >= VAIN_GENERATIONS:
            raise RefusalError(f"The models gave nothing usable in {VAIN_GENERATIONS} generations: {said}")
        self.memory.proposed += 1
        line = f"no usable answer: {said}"[:LONGEST_NOTE]
        return [{"files": self.archive.base.files, "parents": [], "operator": "nothing", "note": line}]

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Learn from results in proposal order, from what became of some, and from a champion that moved."""
        for result in sorted(results, key=lambda result: result["number"]):
            waiting = self.waiting.pop(result["number"], None)
            if waiting is not None:
                self.learn(waiting, result)
        for decision in decisions:
            self.archive.judge(decision["number"], decision["verdict"], remarks(decision))
        if champion is not None:
            self.follow(champion)

    def meet(self, foreign: Sequence[Mapping[str, Any]]) -> None:
        """Take in what other strategies of the run found."""
        for one in foreign:
            program = self.program(one["number"], one["files"], one["score"], one["metrics"], one["feedback"])
            program.note = f"by {one['by']}"
            self.archive.add(program)
            self.memory.known.append(mark(program.files))

    def follow(self, champion: Mapping[str, Any]) -> None:
        """Go on from a champion that moved."""
        metrics, feedback = champion.get("metrics") or {}, champion.get("feedback", "")
        moved = self.program(None, champion["files"], champion["score"], metrics, feedback)
        self.archive.rebase(moved)
        self.memory.known.append(mark(champion["files"]))

    def learn(self, waiting: Waiting, result: Mapping[str, Any]) -> None:
        """Take one result into the archive, and into the account of the model that brought it."""
        ok = result["outcome"] == "ok"
        best = self.archive.best().merit
        score = result["score"] if ok else None
        program = self.program(result["number"], waiting.files, score, result["metrics"], result["feedback"])
        program.note = waiting.note
        self.models.reward(waiting.model, gain(program.merit, waiting.merit, best), waiting.cost)
        if result["outcome"] in ("ok", "failed"):
            self.archive.add(program)

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on."""
        version, numbers, gauss = self.chance.getstate()
        return json.dumps(
            {
                "chance": [version, list(numbers), gauss],
                "archive": self.archive.state(),
                "models": self.models.bandit.state(),
                "waiting": [[number, vars(one)] for number, one in self.waiting.items()],
                "memory": vars(self.memory),
            }
        )

    def restore(self, state: str) -> None:
        """Go on exactly where a snapshot was taken."""
        kept = json.loads(state)
        version, numbers, gauss = kept["chance"]
        self.chance.setstate((version, tuple(numbers), gauss))
        self.archive.restore(kept["archive"])
        self.models.bandit.restore(kept["models"])
        self.waiting = {number: Waiting(**one) for number, one in kept["waiting"]}
        self.memory = Memory(**kept["memory"])


def gain(merit: float | None, parent: float | None, best: float | None) -> float:
    """Return what a program is worth to the model that wrote it."""
    if merit is None:
        return 0.0
    if best is None or merit > best:
        return NEW_BEST
    return BETTER if parent is None or merit > parent else 0.0


def note(text: str, draft: Draft) -> str:
    """Return the line for reviewers: what the model says of its change, which is its word and no more."""
    return (summary(text) or f"{draft.operator}, without a word")[:LONGEST_NOTE]
