"""The search: proposes changed programs, learns from their scores, and can be stopped and taken up again."""

from __future__ import annotations

import base64
import json
import math
import random
import zlib
from dataclasses import asdict, dataclass
from typing import Any

from archive import Archive, Member
from kinds import Kinds
from kit.bandit import Bandit
from kit.cells import read_features
from operators import Operator, operators
from source import sources
from variation import Child, vary
from work import work

TRIES = 300
SECOND_CHANGE = 0.2
FROM_KINDS = 0.5
"""The share of parents that are the best of their kind, where the target says what kinds there are."""

LEAST_WORK = 8
"""However many children were too slow, programs with this many times the start's work are always tried."""

SLOWER = 0.7
TIME_WORDS = ("seconds", "timeout", "time limit")


@dataclass(frozen=True)
class Settings:
    """What `strategy.toml` and the user may set."""

    islands: int = 3
    island_size: int = 12
    migration_every: int = 8
    patience: int = 12
    elitism: float = 0.4
    max_work: float = 600
    idioms: bool = True


class Search:
    """An evolution over programs; see `strategy.toml` for its settings."""

    def __init__(self, task: dict[str, Any], seed: int, settings: Settings) -> None:
        self.settings = settings
        self.sign = -1.0 if task["metric"]["better"] == "lower" else 1.0
        self.chance = random.Random(seed)  # noqa: S311 - a search, not a secret
        self.start = Member.of(task["files"], self.signed(task["score"]), work(task["files"]), task.get("start") or {})
        self.archive = Archive.around(self.start, settings.islands, settings.island_size)
        self.kinds = Kinds(read_features(task))
        self.kinds.add(self.start)
        self.operators = operators(settings.idioms)
        self.bandit = Bandit({name: operator.weight for name, operator in self.operators.items()})
        self.limit = settings.max_work * self.start.work
        self.proposed = 0
        self.generation = 0
        self.known = {self.start.digest: True}
        self.waiting: dict[int, Child] = {}

    def signed(self, score: float | None) -> float | None:
        """Return a score so that higher is better."""
        return None if score is None or not math.isfinite(score) else self.sign * score

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return up to `count` proposals; none when the program has nothing that can be changed."""
        proposals: list[dict[str, Any]] = []
        for _ in range(count if sources(self.start.files) else 0):
            child = self.breed(island=self.proposed % len(self.archive.islands))
            if child is None:
                break
            self.known[child.digest] = True
            self.bandit.note_use(child.operator)
            self.waiting[self.proposed] = child
            self.proposed += 1
            proposals.append(child.proposal())
        return proposals

    def breed(self, island: int) -> Child | None:
        """Return one new program that was not proposed before, None after many vain tries.

        Its parent is from the island, or the start itself once half of the tries were in vain.
        """
        for attempt in range(TRIES):
            operator = self.drawn()
            parent, donor = self.parents(island)
            parent = self.start if attempt >= TRIES / 2 else parent
            more = self.drawn() if self.chance.random() < SECOND_CHANGE else None
            child = vary(self.chance, operator, more, parent, donor, island, self.sign > 0)
            if child is None:
                self.bandit.reward(operator.name, 0.0)
                self.bandit.note_use(operator.name)
            elif child.digest not in self.known and child.work <= max(self.limit, parent.work):
                return child
        return None

    def parents(self, island: int) -> tuple[Member, Member]:
        """Return a parent and a donor: from the island and from any other, or from among the best of their kinds."""
        if self.kinds.is_open and self.chance.random() < FROM_KINDS:
            return self.kinds.parent(self.chance), self.kinds.donor(self.chance)
        parent = self.archive.islands[island].choose(self.chance, self.settings.elitism)
        return parent, self.chance.choice(self.archive.islands).choose(self.chance, 0.0)

    def drawn(self) -> Operator:
        """Return the operator to use next."""
        return self.operators[self.bandit.choose(self.chance)]

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Learn from results in proposal order, from people's decisions, and from a champion that moved."""
        for result in sorted(results, key=lambda result: result["number"]):
            child = self.waiting.pop(result["number"], None)
            if child is not None:
                self.learn(result["number"], child, result)
        for decision in decisions:
            if decision["verdict"] in ("rejected", "unconfirmed", "released"):
                self.archive.doubt(decision["number"], decision["verdict"])
            if decision["verdict"] == "rejected":
                self.kinds.let_go(decision["number"])
        if champion is not None:
            self.follow(champion)
        if results:
            self.turn()

    def learn(self, number: int, child: Child, result: dict[str, Any]) -> None:
        """Take one result into the archive and credit the operator for what it brought."""
        score = self.signed(result["score"]) if result["outcome"] == "ok" else None
        if score is None:
            self.bandit.reward(child.operator, 0.0)
            if result["outcome"] == "failed" and any(word in result["feedback"].lower() for word in TIME_WORDS):
                self.slow_down(child)
            return
        self.bandit.reward(child.operator, self.gain(child, score))
        member = child.member(number, score, result["metrics"])
        self.kinds.note_child(child.parents, self.kinds.add(member))
        self.archive.islands[child.island].add(member, self.archive.size)

    def slow_down(self, child: Child) -> None:
        """Lower the limit on work after a child that took too long, never below what the best program needs.

        A child that was thought to be quick says nothing about the limit: its estimate was wrong.
        """
        if child.work > self.limit / 2:
            least = max(LEAST_WORK * self.start.work, self.archive.best().work)
            self.limit = min(self.limit, max(least, SLOWER * child.work))

    def gain(self, child: Child, score: float) -> float:
        """Return the credit for a score: nothing below the parent's, more for more, most for a new best."""
        before, best = child.parent_score, self.archive.best().score
        if before is None or best is None:
            return 1.0
        if score <= before:
            return 0.0
        span = abs(best - (self.start.score or 0.0)) + 0.1 * abs(best) or 1.0
        return 0.1 + min(1.0, (score - before) / span) + (0.5 if score > best else 0.0)

    def turn(self) -> None:
        """End a generation: migrate when it is time, begin anew where nothing moves."""
        self.generation += 1
        self.archive.age(self.settings.patience, self.start, self.chance)
        if self.generation % self.settings.migration_every == 0:
            self.archive.migrate()

    def follow(self, champion: dict[str, Any]) -> None:
        """Go on from a champion that moved; programs that differ from it where nothing may change are let go.

        A champion that came from this search is where it belongs already: spread over all islands it would end
        their variety. One from elsewhere is news to each of them.
        """
        member = Member.of(
            champion["files"], self.signed(champion["score"]), work(champion["files"]), champion.get("metrics") or {}
        )
        self.known[member.digest] = True
        fixed = fixed_part(member.files)
        if fixed != fixed_part(self.start.files):
            self.start = member
            self.archive.keep([other for other in self.archive.members() if fixed_part(other.files) == fixed], member)
            self.kinds.keep(lambda other: fixed_part(other.files) == fixed)
        self.kinds.add(member)
        if all(other.digest != member.digest for other in self.archive.members()):
            for island in self.archive.islands:
                island.add(member, self.archive.size)

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on, compressed."""
        version, words, gauss = self.chance.getstate()
        state = {
            "chance": [version, list(words), gauss],
            "start": asdict(self.start),
            "archive": self.archive.state(),
            "kinds": self.kinds.state(asdict),
            "bandit": self.bandit.state(),
            "limit": self.limit,
            "proposed": self.proposed,
            "generation": self.generation,
            "known": list(self.known),
            "waiting": {str(number): asdict(child) for number, child in self.waiting.items()},
        }
        return base64.b64encode(zlib.compress(json.dumps(state).encode(), 9)).decode()

    def restore(self, text: str) -> None:
        """Go on exactly where `snapshot` was taken."""
        state = json.loads(zlib.decompress(base64.b64decode(text)))
        version, words, gauss = state["chance"]
        self.chance.setstate((version, tuple(words), gauss))
        self.archive = Archive.from_state(state["archive"])
        self.start = Member(**state["start"])
        self.kinds.restore(state["kinds"], lambda values: Member(**values))
        self.bandit.restore(state["bandit"])
        self.limit = state["limit"]
        self.proposed = state["proposed"]
        self.generation = state["generation"]
        self.known = dict.fromkeys(state["known"], True)
        self.waiting = {int(number): Child(**values) for number, values in state["waiting"].items()}


def fixed_part(files: dict[str, str]) -> list[tuple[str, str]]:
    """Return, for each file, the text that may not change: outside the blocks of Python, all of other files."""
    parts = [(path, text) for path, text in sorted(files.items()) if not path.endswith(".py")]
    for source in sources(files):
        kept = [line for number, line in enumerate(source.lines, 1) if not any(number in own for own in source.blocks)]
        parts.append((source.path, "".join(kept)))
    return parts
