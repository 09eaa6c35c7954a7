"""The search: proposes changed programs, learns from their scores, and can be stopped and taken up again."""

from __future__ import annotations

import base64
import json
import math
import random
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kinds import Kinds
from kit.bandit import Bandit
from kit.cells import read_features
from kit.goals import read_goals
from kit.islands import Islands
from member import Member, rules
from operators import REFINE, REFINE_WEIGHT, Operator, operators
from refining import Refinements
from source import sources
from variation import Child, refined, shortened, vary
from work import work

TRIES = 300
SECOND_CHANGE = 0.2
FROM_KINDS = 0.5
"""The share of parents that are the best of their kind, where the target says what kinds there are."""

SETTLED = 2
"""Generations for which a program has to be the best before one proposal in each tries to make its change shorter."""

LOWEST = -1e300

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
        self.goals = read_goals(task)
        self.chance = random.Random(seed)  # noqa: S311 - a search, not a secret
        self.start = self.member(task["files"], task["score"], task.get("start") or {})
        self.guarded = self.goals.kept(self.start.metrics)
        self.base = dict(task["files"])
        self.islands = Islands(rules(self.base), self.start, settings.islands, settings.island_size)
        self.kinds = Kinds(read_features(task))
        self.kinds.add(self.start)
        self.operators = operators(settings.idioms)
        self.bandit = Bandit({**{name: one.weight for name, one in self.operators.items()}, REFINE: REFINE_WEIGHT})
        self.refinements = Refinements()
        self.limit = settings.max_work * self.start.work
        self.proposed = 0
        self.generation = 0
        self.record, self.stood = self.start.merit(), 0
        self.known = {self.start.digest: True}
        self.waiting: dict[int, Child] = {}

    def member(self, files: Mapping[str, str], score: float | None, metrics: Mapping[str, float]) -> Member:
        """Return a program that is no proposal, the start or a champion, as a member."""
        return Member.of(files, self.signed(score), work(files), metrics, self.others(metrics))

    def signed(self, score: float | None) -> float | None:
        """Return a score so that higher is better, None when it is no finite number."""
        return None if score is None or not math.isfinite(score) else self.goals.signs[0] * score

    def others(self, metrics: Mapping[str, float]) -> list[float]:
        """Return the values of the goals beside the first so that higher is better; a missing one is the lowest."""
        wanted = self.goals.wanted[1:]
        return [goal.sign * metrics[goal.name] if goal.name in metrics else LOWEST for goal in wanted]

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return up to `count` proposals; none when the program has nothing that can be changed."""
        proposals: list[dict[str, Any]] = []
        for turn in range(count if sources(self.start.files) else 0):
            child = self.shortened() if turn == 0 and self.stood >= SETTLED else None
            child = child or self.breed(island=self.proposed % len(self.islands.all))
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
            name = self.bandit.choose(self.chance)
            late = attempt >= TRIES / 2
            child = self.refined(island) if name == REFINE else self.varied(island, name, from_start=late)
            if child is None:
                self.bandit.reward(name, 0.0)
                self.bandit.note_use(name)
            elif child.digest not in self.known and child.work <= max(self.limit, self.start.work):
                return child
            elif child.point:
                self.refinements.note_repeated(island)
        return None

    def shortened(self) -> Child | None:
        """Return the best program with a piece of its change taken back, None when all that was tried."""
        best = self.islands.best()
        island = next(place for place, one in enumerate(self.islands.all) if any(m is best for m in one.members))
        return shortened(best, self.base, island, self.known)

    def refined(self, island: int) -> Child | None:
        """Return a child of the island's refinement, None when there is nothing to refine."""
        home = self.islands.all[island]
        running = self.refinements.on(island, home.members, self.chance)
        return running and refined(running, island, self.islands.leader(home).score)

    def varied(self, island: int, name: str, *, from_start: bool) -> Child | None:
        """Return a child by an operator, now and then by two of them, None when they find nothing to do."""
        parent, donor = self.parents(island)
        more = self.drawn() if self.chance.random() < SECOND_CHANGE else None
        parent = self.start if from_start else parent
        return vary(self.chance, self.operators[name], more, parent, donor, island, self.base, self.goals.signs[0] > 0)

    def parents(self, island: int) -> tuple[Member, Member]:
        """Return a parent and a donor: from the island and from any other, or from among the best of their kinds."""
        if self.kinds.is_open and self.chance.random() < FROM_KINDS:
            return self.kinds.parent(self.chance), self.kinds.donor(self.chance)
        parent = self.islands.choose(island, self.chance, self.settings.elitism)
        anywhere = self.chance.randrange(len(self.islands.all))
        return parent, self.islands.choose(anywhere, self.chance, 0.0)

    def drawn(self) -> Operator | None:
        """Return an operator for a second change, None when it would be a refinement."""
        return self.operators.get(self.bandit.choose(self.chance))

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Learn from results in proposal order, from people's decisions, and from a champion that moved."""
        for result in sorted(results, key=lambda result: result["number"]):
            child = self.waiting.pop(result["number"], None)
            if child is not None:
                self.learn(result["number"], child, result)
        for decision in decisions:
            if decision["verdict"] in ("rejected", "unconfirmed", "released"):
                self.doubt(decision["number"], decision["verdict"])
            if decision["verdict"] == "rejected":
                self.kinds.let_go(decision["number"])
        if champion is not None:
            self.follow(champion)
        if results:
            self.turn()

    def doubt(self, number: int, verdict: str) -> None:
        """Note a decision about a proposal on it and, more mildly, on what descends from it."""
        for member in self.islands.members():
            if member.number == number:
                member.doubts = 0 if verdict == "released" else member.doubts + 2
            elif number in member.parents and verdict != "released":
                member.doubts += 1

    def meet(self, foreign: list[dict]) -> None:
        """Take in what other strategies of the run found, on one island after the other."""
        for one in foreign:
            member = self.member(one["files"], one["score"], one["metrics"])
            member.number = one["number"]
            if member.digest not in self.known and self.keeps_guards(member.metrics):
                self.known[member.digest] = True
                self.kinds.add(member)
                self.islands.add(member.number % len(self.islands.all), member)
                self.refinements.note(member)

    def learn(self, number: int, child: Child, result: dict[str, Any]) -> None:
        """Take one result into the archive and credit the operator for what it brought; a broken guard is a failure."""
        score = self.signed(result["score"]) if result["outcome"] == "ok" else None
        if score is None or not self.keeps_guards(result["metrics"]):
            self.bandit.reward(child.operator, 0.0)
            self.refinements.learn(child.island, child.form, child.point, None)
            if result["outcome"] == "failed" and any(word in result["feedback"].lower() for word in TIME_WORDS):
                self.slow_down(child)
            return
        self.bandit.reward(child.operator, self.gain(child, score))
        member = child.member(number, score, result["metrics"], self.others(result["metrics"]))
        self.refinements.learn(child.island, child.form, child.point, member.merit())
        self.kinds.note_child(child.parents, self.kinds.add(member))
        self.islands.add(child.island, member)
        if not child.point:
            self.refinements.note(member)

    def keeps_guards(self, metrics: Mapping[str, float]) -> bool:
        """Whether no guarded metric is worse than the champion's by more than its guard."""
        return all(over <= 0 for over in self.goals.violations(self.guarded, metrics).values())

    def slow_down(self, child: Child) -> None:
        """Lower the limit on work after a child that took too long, never below what the best program needs.

        A child that was thought to be quick says nothing about the limit: its estimate was wrong.
        """
        if child.work > self.limit / 2:
            least = max(LEAST_WORK * self.start.work, self.islands.best().work)
            self.limit = min(self.limit, max(least, SLOWER * child.work))

    def gain(self, child: Child, score: float) -> float:
        """Return the credit for a score: nothing below the parent's, more for more, most for a new best."""
        before, best = child.parent_score, self.islands.best().score
        if before is None or best is None:
            return 1.0
        if score <= before:
            return 0.0
        span = abs(best - (self.start.score or 0.0)) + 0.1 * abs(best) or 1.0
        return 0.1 + min(1.0, (score - before) / span) + (0.5 if score > best else 0.0)

    def turn(self) -> None:
        """End a generation: migrate when it is time, begin anew where nothing moves."""
        self.generation += 1
        best = self.islands.best()
        self.stood = self.stood + 1 if best.merit() <= self.record else 0
        self.record = best.merit()
        for place in self.islands.age(self.settings.patience, self.start, self.chance):
            if any(member is best for member in self.islands.all[place].members):
                self.widen(place)
        if self.generation % self.settings.migration_every == 0:
            self.islands.migrate()
        self.refinements.forget({member.form for member in self.islands.members()})

    def widen(self, island: int) -> None:
        """Let the numbers of an island's programs move by large steps again."""
        for member in self.islands.all[island].members:
            member.scales = {}

    def follow(self, champion: dict[str, Any]) -> None:
        """Go on from a champion that moved; programs that differ from it where nothing may change are let go.

        A champion that came from this search is where it belongs already: spread over all islands it would end
        their variety. One from elsewhere is news to each of them.
        """
        member = self.member(champion["files"], champion["score"], champion.get("metrics") or {})
        self.known[member.digest] = True
        self.guarded = self.goals.kept(member.metrics)
        self.read_as_changes_of(member.files)
        fixed = fixed_part(member.files)
        if fixed != fixed_part(self.start.files):
            self.start = member
            self.refinements = Refinements()
            self.islands.keep(lambda other: fixed_part(other.files) == fixed, member)
            self.kinds.keep(lambda other: fixed_part(other.files) == fixed)
        self.kinds.add(member)
        if all(other.digest != member.digest for other in self.islands.members()):
            for place in range(len(self.islands.all)):
                self.islands.add(place, member)

    def read_as_changes_of(self, base: Mapping[str, str]) -> None:
        """Let programs be judged as changes of these files, the champion's, from now on."""
        self.base = dict(base)
        self.islands.rules = rules(self.base)

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on, compressed."""
        version, words, gauss = self.chance.getstate()
        state = {
            "chance": [version, list(words), gauss],
            "start": asdict(self.start),
            "base": self.base,
            "guarded": self.guarded,
            "islands": self.islands.state(asdict),
            "refinements": self.refinements.state(),
            "kinds": self.kinds.state(asdict),
            "bandit": self.bandit.state(),
            "limit": self.limit,
            "proposed": self.proposed,
            "generation": self.generation,
            "record": self.record,
            "stood": self.stood,
            "known": list(self.known),
            "waiting": {str(number): asdict(child) for number, child in self.waiting.items()},
        }
        return base64.b64encode(zlib.compress(json.dumps(state).encode(), 9)).decode()

    def restore(self, text: str) -> None:
        """Go on exactly where `snapshot` was taken."""
        state = json.loads(zlib.decompress(base64.b64decode(text)))
        version, words, gauss = state["chance"]
        self.chance.setstate((version, tuple(words), gauss))
        self.read_as_changes_of(state["base"])
        self.guarded = state["guarded"]
        self.islands.restore(state["islands"], lambda values: Member(**values))
        self.refinements.restore(state["refinements"])
        start = Member(**state["start"])
        # One on an island is that very member, so that what changes there changes here too.
        self.start = next((member for member in self.islands.members() if member == start), start)
        self.kinds.restore(state["kinds"], lambda values: Member(**values))
        self.bandit.restore(state["bandit"])
        self.limit = state["limit"]
        self.proposed = state["proposed"]
        self.generation = state["generation"]
        self.record, self.stood = state["record"], state["stood"]
        self.known = dict.fromkeys(state["known"], True)
        self.waiting = {int(number): Child(**values) for number, values in state["waiting"].items()}


def fixed_part(files: dict[str, str]) -> list[tuple[str, str]]:
    """Return, for each file, the text that may not change: outside the blocks of Python, all of other files."""
    parts = [(path, text) for path, text in sorted(files.items()) if not path.endswith(".py")]
    for source in sources(files):
        kept = [line for number, line in enumerate(source.lines, 1) if not any(number in own for own in source.blocks)]
        parts.append((source.path, "".join(kept)))
    return parts
