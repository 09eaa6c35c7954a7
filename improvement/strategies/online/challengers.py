"""Makes challengers of the champion and of each other, and learns which ones follow the stream better."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kit import dimensions, sites
from kit.bandit import Bandit
from kit.conversation import RefusalError
from league import League, Member

TRIES = 60
CHAMPION = -1
LONGER, SHORTER = 1.5, 0.9
"""What becomes of a number's step when the challenger that took it was better, or was not."""
NARROWEST, WIDEST = 0.02, 0.5
WAYS = {"step": 0.6, "cross": 0.3, "fresh": 0.1}
"""How a challenger is made, and how often at first: a rule with stepped settings, of two rules, or any rule."""
SEVERAL = 0.4
"""How often a challenger that steps changes a further setting."""


@dataclass(frozen=True)
class Settings:
    """What `strategy.toml` and the user may set."""

    league: int = 8
    width: float = 0.2


@dataclass(frozen=True)
class Challenger:
    """A proposal that waits for its score: its settings, what made it, from whom, and which of them it stepped."""

    values: Mapping[str, Any]
    operator: str
    parent: Member
    stepped: tuple[str, ...] = ()


class Challengers:
    """A search over learning rules; see `strategy.toml` for its settings."""

    def __init__(self, task: Mapping[str, Any], seed: int, settings: Settings) -> None:
        if not task["space"]:
            raise RefusalError("The manifest declares no [parameters]: declare what of the learning rule may change.")
        self.settings = settings
        self.sign = -1.0 if task["metric"]["better"] == "lower" else 1.0
        self.dimensions = {entry["name"]: dimensions.read(entry) for entry in task["space"]}
        self.chance = random.Random(f"online {seed}")  # noqa: S311 - draws challengers, keeps no secret
        self.league = League(settings.league)
        self.ways = Bandit(WAYS)
        self.widths = dict.fromkeys(self.dimensions, settings.width)
        self.number = 0
        self.waiting: dict[int, Challenger] = {}
        self.tried: set[str] = set()
        self.champion = self.crown(task["files"], task["score"])

    def crown(self, files: Mapping[str, str], score: float | None) -> Member:
        """Take these files as the champion: challengers are written into them from now on."""
        self.files = dict(files)
        self.sites = {name: sites.find(name, files) for name in self.dimensions}
        values = {name: site.value for name, site in self.sites.items()}
        worth = float("-inf") if score is None else self.sign * score
        champion = Member(CHAMPION, values, worth)
        self.league.enter(champion)
        self.tried.add(_mark(values))
        return champion

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return up to `count` challengers that were not tried before."""
        return [proposal for _ in range(count) if (proposal := self.propose()) is not None]

    def propose(self) -> dict[str, Any] | None:
        """Return a challenger, None when many tries brought nothing new."""
        for _ in range(TRIES):
            made = self.made()
            if _mark(made.values) not in self.tried:
                self.tried.add(_mark(made.values))
                self.waiting[self.number] = made
                self.number += 1
                return self.proposal(made)
        return None

    def made(self) -> Challenger:
        """Return a challenger, made in the way that the bandit chooses."""
        parent, way = self.league.drawn(self.chance), self.ways.choose(self.chance)
        self.ways.note_use(way)
        if way == "fresh":
            values = {name: kind.fresh(self.chance) for name, kind in self.dimensions.items()}
            return Challenger(values, way, parent)
        if way == "cross" and len(self.league.members) > 1:
            other = self.league.drawn(self.chance)
            values = {name: self.chance.choice((parent, other)).values[name] for name in self.dimensions}
            return Challenger(values, way, parent)
        return self.stepped(parent)

    def stepped(self, parent: Member) -> Challenger:
        """Return a rule with one setting of another value, often with a second or third one."""
        names = self.chance.sample(list(self.dimensions), len(self.dimensions))
        chosen = names[:1]
        while len(chosen) < len(names) and self.chance.random() < SEVERAL:
            chosen = names[: len(chosen) + 1]
        changed = {
            name: self.dimensions[name].near(parent.values[name], self.widths[name], self.chance) for name in chosen
        }
        return Challenger({**parent.values, **changed}, "step", parent, tuple(chosen))

    def proposal(self, made: Challenger) -> dict[str, Any]:
        """Return a challenger as the host wants it: the champion's files with other settings."""
        files = sites.write(self.files, {self.sites[name]: value for name, value in made.values.items()})
        changed = {name: value for name, value in made.values.items() if value != self.sites[name].value}
        note = "set " + ", ".join(f"{name} = {value}" for name, value in changed.items())
        parents = [made.parent.number] if made.parent.number != CHAMPION else []
        return {"files": files, "parents": parents, "operator": made.operator, "note": note[:300]}

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Learn from results, from what people and fresh seeds said, and from a champion that moved."""
        for result in results:
            made = self.waiting.pop(result["number"], None)
            if made is not None:
                self.learn(result, made)
        for decision in decisions:
            if decision["verdict"] == "rejected":
                self.league.leave(decision["number"])
            elif decision["verdict"] == "unconfirmed":
                self.league.lower(decision["number"], self.champion.worth)
        if not self.league.members:
            self.league.enter(self.champion)
        if champion is not None:
            self.champion = self.crown(champion["files"], champion["score"])

    def learn(self, result: Mapping[str, Any], made: Challenger) -> None:
        """Take a challenger's score: into the league, and into the steps that made it."""
        scored = result["outcome"] == "ok" and result["score"] is not None
        worth = self.sign * result["score"] if scored else float("-inf")
        better = worth > made.parent.worth
        factor = LONGER if better else SHORTER
        self.ways.reward(made.operator, float(better))
        for name in made.stepped:
            self.widths[name] = min(WIDEST, max(NARROWEST, self.widths[name] * factor))
        if scored:
            self.league.enter(Member(result["number"], made.values, worth))

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on."""
        version, numbers, gauss = self.chance.getstate()
        return json.dumps(
            {
                "files": self.files,
                "champion": asdict(self.champion),
                "league": self.league.state(),
                "ways": self.ways.state(),
                "widths": self.widths,
                "number": self.number,
                "waiting": [[number, asdict(made)] for number, made in self.waiting.items()],
                "tried": sorted(self.tried),
                "chance": [version, list(numbers), gauss],
            }
        )

    def restore(self, text: str) -> None:
        """Go on exactly where `snapshot` was taken."""
        state = json.loads(text)
        self.crown(state["files"], None)
        self.champion = Member(**state["champion"])
        self.league.restore(state["league"])
        self.ways.restore(state["ways"])
        self.widths = state["widths"]
        self.number = state["number"]
        self.waiting = {number: _challenger(told) for number, told in state["waiting"]}
        self.tried = set(state["tried"])
        version, numbers, gauss = state["chance"]
        self.chance.setstate((version, tuple(numbers), gauss))


def _mark(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _challenger(told: Mapping[str, Any]) -> Challenger:
    return Challenger(told["values"], told["operator"], Member(**told["parent"]), tuple(told["stepped"]))
