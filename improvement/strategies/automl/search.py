"""The search over pipelines: a portfolio first, then small changes of what did best, by model."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.bandit import Bandit
from kit.conversation import RefusalError
from kit.pipelines import (
    FILE_NAME,
    MODELS,
    Pipeline,
    PipelineError,
    Value,
    completed,
    parse,
    told_changes,
    write,
)
from moves import crossed, moved
from portfolio import portfolio

TRIES = 60
CROSSING = 0.15
KEPT = ("leave_out", "words", "calibrate", "logarithm_of_answer")
"""Lines that the portfolio takes over from the champion."""
LONGEST_NOTE = 300
COST_OF_A_FAILURE = 5000.0
COST = "fitting_work"
OF_CLASSES = "calibration_error"
"""The metrics by which a target of ``target add DATA`` says what fitting took, and that it predicts classes."""


@dataclass(frozen=True)
class Settings:
    """What `strategy.toml` and the user may set."""

    elites: int = 4
    boldness: float = 0.3


@dataclass
class Member:
    """A measured pipeline: its merit (higher is better), and what fitting it took."""

    values: dict[str, Value]
    merit: float
    cost: float


class Search:
    """A search over a target's `pipeline.toml`; see `strategy.toml` for its settings."""

    def __init__(self, task: Mapping[str, Any], seed: int, settings: Settings) -> None:
        paths = [path for path in task["files"] if path.rpartition("/")[2] == FILE_NAME]
        if not paths:
            raise RefusalError(f"This target has no editable {FILE_NAME}: use another strategy.")
        self.path = paths[0]
        self.settings = settings
        self.chance = random.Random(seed)  # noqa: S311 - a search, no secret
        self.sign = -1.0 if task["metric"]["better"] == "lower" else 1.0
        self.guards = [one for one in task["metrics"] if one["guard"] is not None]
        self.bandit = Bandit(dict.fromkeys(MODELS, 1.0))
        self.seen: set[str] = set()
        self.open: dict[int, dict[str, Value]] = {}
        self.tried: dict[int, Member] = {}
        self.members: list[Member] = []
        self.plan = portfolio()
        self.proposed = 0
        self.begin(task["files"][self.path], task["score"], task.get("start") or {})

    def begin(self, text: str, score: float | None, metrics: Mapping[str, float]) -> None:
        """Take a champion as what guards and notes compare with."""
        try:
            self.base = parse(text)
        except PipelineError as error:
            raise RefusalError(str(error)) from error
        self.limits = dict(metrics)
        self.classes = OF_CLASSES in metrics
        self.seen.add(write(self.base))
        if score is not None:
            self.members.append(Member(dict(self.base), self.sign * score, metrics.get(COST, 1.0)))

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return up to `count` proposals that were not tried before."""
        found = [self.propose() for _ in range(count)]
        return [one for one in found if one is not None]

    def propose(self) -> dict[str, Any] | None:
        """Return the next pipeline as a proposal, None after many vain tries."""
        for _ in range(TRIES):
            operator, values = self.next()
            text = write(values)
            if text not in self.seen:
                self.seen.add(text)
                self.bandit.note_use(str(values["model"]))
                self.open[self.proposed] = values
                self.proposed += 1
                note = "; ".join(told_changes(self.base, values))[:LONGEST_NOTE]
                return {"files": {self.path: text}, "parents": [], "operator": operator, "note": note}
        return None

    def next(self) -> tuple[str, dict[str, Value]]:
        """Return the next of the portfolio, or a change of a good pipeline of the model whose turn it is."""
        if self.plan:
            first = self.plan.pop(0)
            kept = {name: self.base[name] for name in KEPT}
            return "portfolio", completed({**first, **kept})
        elites = self.elites(self.bandit.choose(self.chance)) or self.members[: self.settings.elites]
        if not elites:
            return "move", self.changed(completed({"model": self.chance.choice(MODELS)}))
        one = max(self.chance.choice(elites), self.chance.choice(elites), key=lambda member: member.merit)
        if self.chance.random() < CROSSING:
            return "cross", crossed(one.values, self.chance.choice(self.members).values, self.chance)
        return "move", self.changed(one.values)

    def changed(self, values: Pipeline) -> dict[str, Value]:
        """Return a small change of a pipeline."""
        return moved(values, self.chance, boldness=self.settings.boldness, classes=self.classes)

    def elites(self, model: str) -> list[Member]:
        """Return the best pipelines with this model."""
        return [member for member in self.members if member.values["model"] == model][: self.settings.elites]

    def tell(self, results: Sequence[dict], decisions: Sequence[dict], champion: dict | None) -> None:
        """Learn from results, decisions and a champion that moved."""
        for result in results:
            self.learn(result)
        for decision in decisions:
            if decision["verdict"] in {"rejected", "unconfirmed"}:
                self.forget(decision["number"])
        if champion is not None and self.path in champion["files"]:
            self.begin(champion["files"][self.path], champion["score"], champion["metrics"])
        self.members.sort(key=lambda member: (-member.merit, write(member.values)))

    def learn(self, result: Mapping[str, Any]) -> None:
        """Take in one result: what keeps to the guards is kept, and its model credited for its gain by cost.

        The root of the cost: a model that is ten times as slow is to bring three times as much.
        """
        values = self.open.pop(result["number"], None)
        if values is None:
            return
        model, metrics = str(values["model"]), result.get("metrics") or {}
        cost = max(1.0, float(metrics.get(COST, COST_OF_A_FAILURE)))
        score = result.get("score")
        if result["outcome"] != "ok" or score is None or not self.keeps_guards(metrics):
            self.bandit.reward(model, 0.0, math.sqrt(cost))
            return
        member = Member(values, self.sign * score, cost)
        self.bandit.reward(model, self.gain(member), math.sqrt(cost))
        self.tried[result["number"]] = member
        self.members.append(member)

    def gain(self, member: Member) -> float:
        """Return 1 for a new best, less the more of the known pipelines are better."""
        better = sum(other.merit >= member.merit for other in self.members)
        return 1.0 / (1.0 + better)

    def keeps_guards(self, metrics: Mapping[str, float]) -> bool:
        """Whether no guarded metric is worse than the champion's by more than its guard."""
        for one in self.guards:
            name, sign = one["name"], -1.0 if one["better"] == "lower" else 1.0
            value = metrics.get(name, -sign * math.inf)
            if name in self.limits and sign * (self.limits[name] - value) > one["guard"]:
                return False
        return True

    def forget(self, number: int) -> None:
        """Let a pipeline that people or fresh folds did not confirm no longer draw the search."""
        member = self.tried.pop(number, None)
        if member in self.members:
            self.members.remove(member)

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on, as text."""
        version, inner, gauss = self.chance.getstate()
        tried = {number: self.members.index(member) for number, member in self.tried.items() if member in self.members}
        state = {
            "chance": [version, list(inner), gauss],
            "bandit": self.bandit.state(),
            "seen": sorted(self.seen),
            "open": self.open,
            "members": [[one.values, one.merit, one.cost] for one in self.members],
            "tried": tried,
            "plan": len(self.plan),
            "proposed": self.proposed,
            "base": write(self.base),
            "limits": self.limits,
        }
        return json.dumps(state)

    def restore(self, state: str) -> None:
        """Go on where a snapshot was taken."""
        told = json.loads(state)
        version, inner, gauss = told["chance"]
        self.chance.setstate((version, tuple(inner), gauss))
        self.bandit.restore(told["bandit"])
        self.seen = set(told["seen"])
        self.open = {int(number): lists_as_tuples(values) for number, values in told["open"].items()}
        self.members = [Member(lists_as_tuples(values), merit, cost) for values, merit, cost in told["members"]]
        self.tried = {int(number): self.members[place] for number, place in told["tried"].items()}
        first = portfolio()
        self.plan = first[len(first) - told["plan"] :]
        self.proposed = told["proposed"]
        self.base = parse(told["base"])
        self.limits = told["limits"]
        self.classes = OF_CLASSES in self.limits


def lists_as_tuples(values: Mapping[str, Any]) -> dict[str, Value]:
    """Return a pipeline as JSON gave it back, with tuples where lists were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
