"""The search: asks Optuna for values, writes them into the files, and tells it what they brought."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.conversation import RefusalError
from kit.goals import read_goals
from kit.sites import write
from optuna.samplers import BaseSampler
from space import Space, declared, derived
from steps import ELITES, Steps
from study import Search, cmaes_sampler, nsgaii_sampler, tpe_sampler

SAMPLERS = ("tpe", "cmaes", "nsgaii")

ONE_METRIC = "nsgaii weighs several metrics, and this target has one without a guard: use tpe or cmaes."

TRIES = 40
LONGEST_NOTE = 300
STEP = "step"
PENALTY = 0.1
"""How far below the worst value a failure counts, in widths of the values so far."""


@dataclass(frozen=True)
class Settings:
    """What `strategy.toml` and the user may set."""

    sampler: str = "tpe"
    steps: float = 0.5
    startup: int = 10
    population: int = 16
    most_literals: int = 30


@dataclass(frozen=True)
class Outcome:
    """What is known of some files: a value for each metric to improve (None: nothing), and the guarded metrics."""

    values: list[float] | None
    guarded: Mapping[str, float]


UNKNOWN = Outcome(None, {})


class Tuner:
    """A search over the parameters of a target; see `strategy.toml` for its settings."""

    def __init__(self, task: dict[str, Any], seed: int, settings: Settings) -> None:
        if settings.sampler not in SAMPLERS:
            known = f"{', '.join(SAMPLERS[:-1])} or {SAMPLERS[-1]}"
            raise RefusalError(f"The setting sampler is {settings.sampler!r}: use {known}.")
        self.settings = settings
        goals = read_goals(task)
        if settings.sampler == "nsgaii" and len(goals.wanted) == 1:
            raise RefusalError(ONE_METRIC)
        self.goals = goals if settings.sampler == "nsgaii" else goals.first()
        self.declared = task["space"]
        self.seed = seed
        self.proposed = 0
        self.starts = 0
        self.waiting: dict[int, int] = {}
        self.trials: dict[int, int] = {}
        self.begin(task["files"], task["score"], task.get("start") or {})

    def space(self) -> Space:
        """Return the search space over the present base files."""
        if self.declared:
            return declared(self.declared, self.files)
        return derived(self.files, self.settings.most_literals)

    def sampler(self, start: Mapping[str, Any]) -> BaseSampler:
        """Return a fresh sampler for a search that begins at `start`."""
        seed = self.seed + 1000 * self.starts
        if self.settings.sampler == "tpe":
            return tpe_sampler(seed, self.settings.startup)
        if self.settings.sampler == "nsgaii":
            return nsgaii_sampler(seed, self.settings.population)
        return cmaes_sampler(seed, start, self.places.ranges)

    def begin(self, files: dict[str, str], score: float | None, metrics: Mapping[str, float]) -> None:
        """Open a fresh study around these files, with their own values as its first trial."""
        self.files = dict(files)
        self.places = self.space()
        self.base = Outcome(self.goals.values(score, metrics), self.goals.kept(metrics))
        self.search = Search(self.sampler(self.places.values()), self.goals.signs)
        self.starts += 1
        self.steps = Steps(self.places.ranges, self.seed + 1000 * self.starts)
        self.stepped: set[int] = set()
        self.waiting.clear()
        self.trials.clear()
        self.known = {self.mark(files): self.base}
        self.reach: list[list[float]] = []
        if self.base.values is not None:
            self.extend(self.base.values)
        if self.places.sites:
            self.search.enqueue(self.places.values())
            self.settle(self.search.ask(self.places.ranges).number, self.base)

    def ask(self, count: int) -> list[dict[str, Any]]:
        """Return up to `count` proposals; none when there is no parameter, or nothing new is left to try."""
        proposals: list[dict[str, Any]] = []
        for _ in range(count if self.places.sites else 0):
            proposal = self.propose()
            if proposal is None:
                break
            proposals.append(proposal)
        return proposals

    def propose(self) -> dict[str, Any] | None:
        """Return files with values that were not tried before, None after many vain tries."""
        for _ in range(TRIES):
            operator = self.prepare()
            trial = self.search.ask(self.places.ranges)
            values = {name: rounded(value) for name, value in trial.params.items()}
            files = self.written(values)
            mark = self.mark(files)
            if mark not in self.known:
                self.known[mark] = UNKNOWN
                self.waiting[self.proposed] = trial.number
                self.trials[self.proposed] = trial.number
                if operator == STEP:
                    self.stepped.add(trial.number)
                self.proposed += 1
                return {"files": files, "parents": [], "operator": operator, "note": self.note(values)}
            self.settle(trial.number, self.known[mark])
        return None

    def prepare(self) -> str:
        """Decide what makes the next values, have a step asked next where it is one, and return the operator's name."""
        if self.settings.sampler != "tpe" or self.steps.chance.random() >= self.settings.steps:
            return self.settings.sampler
        best = [trial.params for trial in self.search.best(ELITES)]
        if not best:
            return self.settings.sampler
        self.search.enqueue(self.steps.next(best))
        return STEP

    def written(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the files with these values."""
        return write(self.files, {self.places.sites[name]: value for name, value in values.items()})

    def note(self, values: dict[str, Any]) -> str:
        """Return one line that says what is set to what."""
        moved = [
            (name, site.value, values[name]) for name, site in self.places.sites.items() if values[name] != site.value
        ]
        if self.declared:
            line = "set " + ", ".join(f"{name} = {value}" for name, _, value in moved)
        else:
            line = "move " + ", ".join(f"{old} → {new}" for _, old, new in moved)
        return line if len(line) <= LONGEST_NOTE else line[: LONGEST_NOTE - 1] + "…"

    def settle(self, trial: int, outcome: Outcome) -> None:
        """Close a trial; a failure counts as a little worse than the worst so far.

        So does a broken guard under CMA-ES, which knows no constraints.
        """
        violations = self.goals.violations(self.base.guarded, outcome.guarded)
        values = outcome.values
        if self.settings.sampler == "cmaes":
            values = None if any(value > 0 for value in violations.values()) else values
            violations = {}
        self.search.tell(trial, self.penalty() if values is None else values, violations)

    def penalty(self) -> list[float] | None:
        """Return the values of a failure, None while nothing is known to compare with."""
        if not self.reach:
            return None
        return [
            low - PENALTY * (high - low) if sign > 0 else high + PENALTY * (high - low)
            for (low, high), sign in zip(self.reach, self.goals.signs, strict=True)
        ]

    def extend(self, values: Sequence[float]) -> None:
        """Note the range of what was really measured: the penalties of failures must not lower each other."""
        reach = self.reach or [[value, value] for value in values]
        self.reach = [[min(low, value), max(high, value)] for (low, high), value in zip(reach, values, strict=True)]

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Learn from results in proposal order, from what became of some, and from a champion that moved."""
        for result in sorted(results, key=lambda result: result["number"]):
            trial = self.waiting.pop(result["number"], None)
            if trial is not None:
                self.learn(trial, self.outcome(result))
        self.revise(decisions)
        if champion is not None:
            self.follow(champion)

    def learn(self, trial: int, outcome: Outcome) -> None:
        """Take in what is known of a trial, and whether the step that made it brought a new best."""
        if outcome.values is not None:
            self.extend(outcome.values)
        self.settle(trial, outcome)
        self.known[self.mark_of(trial)] = outcome
        if trial in self.stepped:
            self.stepped.remove(trial)
            self.steps.learn(better=[best.number for best in self.search.best(1)] == [trial])

    def outcome(self, result: dict[str, Any]) -> Outcome:
        """Return what a result says; a failure says nothing."""
        if result["outcome"] != "ok":
            return UNKNOWN
        values = self.goals.values(result["score"], result["metrics"])
        return UNKNOWN if values is None else Outcome(values, self.goals.kept(result["metrics"]))

    def revise(self, decisions: Sequence[dict[str, Any]]) -> None:
        """Give other values to what people refused and to what fresh seeds did not confirm."""
        revised: dict[int, list[float]] = {}
        for decision in decisions:
            trial = self.trials.get(decision["number"])
            values = None if trial is None else self.revision(decision["verdict"], self.search.values(trial))
            if trial is not None and values is not None:
                revised[trial] = values
                mark = self.mark_of(trial)
                self.known[mark] = Outcome(values, self.known[mark].guarded)
        if revised:
            self.search = self.search.reopened(revised)

    def revision(self, verdict: str, values: list[float] | None) -> list[float] | None:
        """Return what a verdict makes of a trial's values, None when they stay.

        A rejected candidate counts as a failure. One that was no better on fresh seeds owed its first metric to luck:
        it counts there as the base does.
        """
        if values is None:
            return None
        if verdict == "rejected":
            return self.penalty()
        if verdict != "unconfirmed" or self.base.values is None:
            return None
        sign, usual = self.goals.signs[0], self.base.values[0]
        return [sign * min(sign * values[0], sign * usual), *values[1:]]

    def follow(self, champion: dict[str, Any]) -> None:
        """Go on from a champion that moved: the same study when it is one of ours, a fresh one around it otherwise."""
        if self.mark(champion["files"]) in self.known:
            return
        self.begin(champion["files"], champion["score"], champion.get("metrics") or {})

    def mark_of(self, trial: int) -> str:
        """Return the mark of the files that a trial stands for."""
        return self.mark(self.written({name: rounded(value) for name, value in self.search.params(trial).items()}))

    def mark(self, files: dict[str, str]) -> str:
        """Return 16 hex digits for the exact text of the files."""
        return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]

    def snapshot(self) -> str:
        """Return everything that the next proposals depend on, compressed."""
        state = {
            "files": self.files,
            "seed": self.seed,
            "proposed": self.proposed,
            "starts": self.starts,
            "waiting": list(self.waiting.items()),
            "trials": list(self.trials.items()),
            "steps": self.steps.state(),
            "stepped": sorted(self.stepped),
            "base": vars(self.base),
            "known": {mark: vars(outcome) for mark, outcome in self.known.items()},
            "reach": self.reach,
            "search": base64.b64encode(zlib.compress(self.search.frozen(), 6)).decode(),
        }
        return json.dumps(state)

    def restore(self, text: str) -> None:
        """Go on exactly where `snapshot` was taken."""
        state = json.loads(text)
        self.files = state["files"]
        self.places = self.space()
        self.seed = state["seed"]
        self.proposed = state["proposed"]
        self.starts = state["starts"]
        self.waiting = dict(state["waiting"])
        self.trials = dict(state["trials"])
        self.steps = Steps(self.places.ranges, self.seed)
        self.steps.restore(state["steps"])
        self.stepped = set(state["stepped"])
        self.base = Outcome(**state["base"])
        self.known = {mark: Outcome(**outcome) for mark, outcome in state["known"].items()}
        self.reach = state["reach"]
        self.search = Search.thawed(zlib.decompress(base64.b64decode(state["search"])), self.goals.signs)


def rounded(value: Any) -> Any:
    """Return a float with six significant digits, anything else as it is."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
