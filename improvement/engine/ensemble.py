"""Several strategies in one run, which to the host are one: the same messages, the same answers, one state.

Each generation is proposed by one of them. Which one, a bandit decides by the improvement that each brought lately for
its cost. All of them hear of every program that was measured, of another one's as ``foreign``. A strategy counts its
own proposals from 0; the run's numbers, and negative ones for foreign programs, are put in and taken out here.
"""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from improvement.engine.asktell import Message, read_ok, read_ready, read_state
from improvement.engine.bandit import Bandit
from improvement.engine.packages import StrategyPackage, own_settings, rates_of
from improvement.engine.rates import Rates
from improvement.engine.seeds import derive
from improvement.engine.session import ASK_SECONDS, HELP, Process
from improvement.exceptions import StrategyError

EXHAUSTED = "it has nothing more to propose"


@dataclass
class Member:
    """One of the strategies: its process, how many proposals it makes at a time, and the run's numbers of its own.

    ``ended`` says why it proposes nothing more, and is empty as long as it may.
    """

    name: str
    process: Process
    generation: int
    numbers: list[int] = field(default_factory=list)
    ended: str = ""

    def own_number(self, number: int) -> int:
        """Return what the strategy calls a proposal of the run: its own number, or a negative one of a foreign one."""
        return self.numbers.index(number) if number in self.numbers else -1 - number

    def run_number(self, named: object) -> object:
        """Return the run's number of a proposal that the strategy names; what it said where there is no such one."""
        if type(named) is not int or named >= len(self.numbers):
            return None
        return self.numbers[named] if named >= 0 else -1 - named


@dataclass
class Turn:
    """Whose generation is under way: the proposed files by the run's numbers, and what models did cost on the way."""

    name: str
    files: dict[int, dict[str, str]] = field(default_factory=dict)
    tokens: int = 0
    microusd: int = 0


@dataclass
class Progress:
    """The start and the best of the run, as scores of which more is better; None while neither is known."""

    sign: float
    start: float | None
    best: float | None

    def gain(self, score: float | None) -> float:
        """Take in a raw score, and return what it adds: the share, up to 1, of all that was gained since the start."""
        if score is None or (self.best is not None and self.sign * score <= self.best):
            return 0.0
        before, self.best = self.best, self.sign * score
        if before is None or self.start is None:
            self.start = self.best
            return 1.0
        return (self.best - before) / (self.best - self.start)


class Ensemble:
    """A process made of the processes of a joint package's strategies, in their order."""

    def __init__(self, package: StrategyPackage, processes: Sequence[Process]) -> None:
        members = zip(package.members, processes, strict=True)
        self._package = package
        self._members = {one.name: Member(one.name, process, one.generation) for one, process in members}
        self._chance = random.Random()  # noqa: S311 - a search, not a secret
        self._bandit = Bandit(dict.fromkeys(self._members, 1.0))
        self._rates = Rates()
        self._base: dict[str, str] = {}
        self._progress = Progress(1.0, None, None)
        self._turn: Turn | None = None
        self._count = 0
        self._next = 0

    def request(self, message: Message, seconds: float) -> Message:
        """Answer a message as one strategy would; raises StrategyError when a process is lost."""
        kind = message["type"]
        if kind == "init":
            return self._begin(message, seconds)
        if kind == "ask":
            self._count = message["count"]
            return self._ask()
        if kind in HELP:
            return self._go_on(message)
        if kind == "tell":
            return self._tell(message, seconds)
        return {"type": "state", "state": self._state(seconds)}

    def _begin(self, message: Message, seconds: float) -> Message:
        task, kept = message["task"], _unpacked(message["state"])
        sign = 1.0 if task["metric"]["better"] == "higher" else -1.0
        start = None if task["score"] is None else sign * task["score"]
        self._base, self._progress = dict(task["files"]), Progress(sign, start, start)
        self._rates = rates_of(message["parameters"])
        self._chance.seed(message["seed"])
        if kept:
            self._restore(kept)
        for name, member in self._members.items():
            begun = {
                **message,
                "seed": derive(b"countersign ensemble", name, message["seed"]),
                "parameters": own_settings(message["parameters"], name),
                "state": kept["states"][name] if kept else None,
            }
            read_ready(member.process.request(begun, seconds))
        return {"type": "ready", "name": self._package.name, "version": self._package.version}

    def _ask(self) -> Message:
        """Ask the strategies, as the bandit chooses, until one proposes something or all have ended."""
        while active := [name for name, member in self._members.items() if not member.ended]:
            name = self._bandit.choose(self._chance, among=active)
            self._bandit.note_use(name)
            self._turn, member = Turn(name), self._members[name]
            asked = {"type": "ask", "count": min(self._count, member.generation)}
            answer = self._settled(member, member.process.request(asked, ASK_SECONDS))
            if answer is not None:
                return answer
        refused = [member.ended for member in self._members.values() if member.ended != EXHAUSTED]
        return {"type": "error", "message": refused[-1]} if refused else {"type": "proposals", "proposals": []}

    def _go_on(self, message: Message) -> Message:
        """Hand what models or programs answered to whoever asked for it."""
        turn = self._under_way()
        for answer in message["answers"]:
            turn.tokens += answer.get("tokens_in", 0) + answer.get("tokens_out", 0)
            turn.microusd += answer.get("cost_microusd", 0)
        member = self._members[turn.name]
        return self._settled(member, member.process.request(message, ASK_SECONDS)) or self._ask()

    def _settled(self, member: Member, answer: Message) -> Message | None:
        """Return what the host hears; None when the strategy refuses or has nothing more, so that others go on."""
        if answer.get("type") in HELP:
            return answer
        if answer.get("type") == "error" or answer.get("proposals") == []:
            member.ended = str(answer.get("message", EXHAUSTED))
            self._reward(self._under_way(), gain=0.0, evaluations=0)
            return None
        listed = answer.get("proposals")
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            return answer
        return {**answer, "proposals": [self._numbered(member, one) for one in listed]}

    def _numbered(self, member: Member, proposal: dict[str, Any]) -> dict[str, Any]:
        """Give a proposal the run's next number and the run's numbers of its parents; say whose it is."""
        files, parents = proposal.get("files"), proposal.get("parents", [])
        self._under_way().files[self._next] = {**self._base, **(files if isinstance(files, dict) else {})}
        named = [member.run_number(parent) for parent in parents] if isinstance(parents, list) else parents
        member.numbers.append(self._next)
        self._next += 1
        return {**proposal, "parents": named, "operator": f"{member.name}: {proposal.get('operator', '')}"}

    def _tell(self, message: Message, seconds: float) -> Message:
        """Tell each strategy its own results and decisions, and what others' programs came to."""
        if message["results"]:
            self._credit(self._under_way(), message["results"])
        if message["champion"] is not None:
            self._progress.gain(message["champion"]["score"])
        for member in self._members.values():
            read_ok(member.process.request(self._told_to(member, message), seconds))
        self._turn = None if message["results"] else self._turn
        return {"type": "ok"}

    def _told_to(self, member: Member, message: Message) -> Message:
        theirs = [one for one in message["results"] if one["number"] not in member.numbers]
        return {
            **message,
            "results": [_renumbered(member, one) for one in message["results"] if one["number"] in member.numbers],
            "decisions": [_renumbered(member, one) for one in message["decisions"] if one["number"] in member.numbers],
            "foreign": [self._foreign(member, one) for one in theirs if one["outcome"] == "ok"],
        }

    def _foreign(self, member: Member, result: Message) -> Message:
        turn = self._under_way()
        files = turn.files[result["number"]]
        return {**_renumbered(member, result), "files": files, "by": turn.name}

    def _credit(self, turn: Turn, results: Sequence[Message]) -> None:
        gain = sum(self._progress.gain(result["score"]) for result in results if result["outcome"] == "ok")
        evaluations = sum(result["outcome"] in ("ok", "failed") for result in results)
        self._reward(turn, gain=gain, evaluations=evaluations)

    def _reward(self, turn: Turn, *, gain: float, evaluations: int) -> None:
        cost = self._rates.evaluations(evaluations, tokens=turn.tokens, microusd=turn.microusd)
        self._bandit.reward(turn.name, gain, max(1.0, cost))

    def _under_way(self) -> Turn:
        if self._turn is None:
            raise StrategyError("Results came for a generation that nobody proposed: the journal is damaged.")
        return self._turn

    def _state(self, seconds: float) -> str:
        """Return everything that the next proposals depend on, packed: each strategy's state is in it."""
        asked: Message = {"type": "snapshot"}
        version, numbers, gauss = self._chance.getstate()
        whole = {
            "states": {name: read_state(one.process.request(asked, seconds)) for name, one in self._members.items()},
            "members": {name: [one.numbers, one.ended] for name, one in self._members.items()},
            "bandit": self._bandit.state(),
            "chance": [version, list(numbers), gauss],
            "progress": [self._progress.start, self._progress.best],
            "turn": asdict(self._turn) if self._turn else None,
            "next": self._next,
        }
        return base64.b85encode(zlib.compress(json.dumps(whole).encode())).decode()

    def _restore(self, kept: Mapping[str, Any]) -> None:
        version, numbers, gauss = kept["chance"]
        self._chance.setstate((version, tuple(numbers), gauss))
        self._bandit.restore(kept["bandit"])
        self._progress.start, self._progress.best = kept["progress"]
        for name, (own, ended) in kept["members"].items():
            self._members[name].numbers, self._members[name].ended = list(own), ended
        turn = kept["turn"]
        self._turn = turn and Turn(**{**turn, "files": {int(number): one for number, one in turn["files"].items()}})
        self._next = kept["next"]


def _renumbered(member: Member, told: Message) -> Message:
    """Return a result or decision with the numbers that a strategy knows proposals by."""
    of = told.get("of")
    named = {"of": of if of is None else member.own_number(of)} if "of" in told else {}
    return {**told, "number": member.own_number(told["number"]), **named}


def _unpacked(state: str | None) -> dict[str, Any] | None:
    if state is None:
        return None
    try:
        whole: dict[str, Any] = json.loads(zlib.decompress(base64.b85decode(state)))
    except (ValueError, zlib.error) as error:
        raise StrategyError(f"The kept state of the strategies cannot be read ({error}): it is damaged.") from error
    return whole
