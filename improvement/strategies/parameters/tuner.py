"""The search: asks Optuna for values, writes them into the files, and tells it what they brought."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from dataclasses import dataclass
from typing import Any

from optuna.trial import TrialState
from protocol import RefusalError
from sites import write
from space import Space, declared, derived
from study import frozen, new_study, reopened, sampler_of, thawed

TRIES = 40
LONGEST_NOTE = 300
PENALTY = 0.1
"""How far below the worst score a failure counts, in widths of the scores so far."""


@dataclass(frozen=True)
class Settings:
    """What `strategy.toml` and the user may set."""

    sampler: str = "tpe"
    startup: int = 10
    most_literals: int = 30


class Tuner:
    """A search over the parameters of a target; see `strategy.toml` for its settings."""

    def __init__(self, task: dict[str, Any], seed: int, settings: Settings) -> None:
        if settings.sampler not in ("tpe", "cmaes"):
            raise RefusalError(f"The setting sampler is {settings.sampler!r}: use tpe or cmaes.")
        self.settings = settings
        self.sign = -1.0 if task["metric"]["better"] == "lower" else 1.0
        self.declared = task["space"]
        self.seed = seed
        self.proposed = 0
        self.starts = 0
        self.waiting: dict[int, int] = {}
        self.trials: dict[int, int] = {}
        self.scores: dict[str, float | None] = {}
        self.begin(task["files"], task["score"])

    def space(self) -> Space:
        """Return the search space over the present base files."""
        if self.declared:
            return declared(self.declared, self.files)
        return derived(self.files, self.settings.most_literals)

    def begin(self, files: dict[str, str], score: float | None) -> None:
        """Open a fresh study around these files, with their own values as its first trial."""
        self.files = dict(files)
        self.places = self.space()
        start = self.places.values()
        kind, startup = self.settings.sampler, self.settings.startup
        sampler = sampler_of(kind, self.seed + 1000 * self.starts, startup, start, self.places.ranges)
        self.study = new_study(sampler, self.sign)
        self.starts += 1
        self.waiting.clear()
        self.trials.clear()
        self.scores = {self.mark(files): score}
        self.measured = [] if score is None else [score, score]
        if self.places.sites:
            self.study.enqueue_trial(start)
            trial = self.study.ask(self.places.ranges)
            self.study.tell(trial, score, state=None if score is not None else TrialState.FAIL)

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
            trial = self.study.ask(self.places.ranges)
            values = {name: rounded(value) for name, value in trial.params.items()}
            files = write(self.files, {self.places.sites[name]: value for name, value in values.items()})
            mark = self.mark(files)
            if mark not in self.scores:
                self.scores[mark] = None
                self.waiting[self.proposed] = trial.number
                self.trials[self.proposed] = trial.number
                self.proposed += 1
                return {"files": files, "parents": [], "operator": self.settings.sampler, "note": self.note(values)}
            self.settle(trial.number, self.scores[mark])
        return None

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

    def settle(self, trial: int, score: float | None) -> None:
        """Close a trial with its score; a failure counts as a little worse than the worst so far."""
        value = self.penalty() if score is None else score
        self.study.tell(trial, value, state=TrialState.FAIL if value is None else None)

    def penalty(self) -> float | None:
        """Return the value of a failure, None while no score is known to compare with."""
        if not self.measured:
            return None
        lowest, highest = self.measured
        reach = PENALTY * (highest - lowest)
        return lowest - reach if self.sign > 0 else highest + reach

    def measure(self, score: float) -> None:
        """Note the range of what was really measured: the penalties of failures must not lower each other."""
        lowest, highest = self.measured or (score, score)
        self.measured = [min(lowest, score), max(highest, score)]

    def tell(self, results: list[dict], decisions: list[dict], champion: dict | None) -> None:
        """Learn from results in proposal order, from people's decisions, and from a champion that moved."""
        for result in sorted(results, key=lambda result: result["number"]):
            trial = self.waiting.pop(result["number"], None)
            if trial is not None:
                score = result["score"] if result["outcome"] == "ok" else None
                score = score if score is not None and math.isfinite(score) else None
                if score is not None:
                    self.measure(score)
                self.settle(trial, score)
                self.remember(trial, score)
        refused = [self.trials.get(d["number"]) for d in decisions if d["verdict"] == "rejected"]
        penalty = self.penalty()
        if penalty is not None and any(trial is not None for trial in refused):
            self.study = reopened(self.study, self.sign, {trial: penalty for trial in refused if trial is not None})
        if champion is not None:
            self.follow(champion)

    def remember(self, trial: int, score: float | None) -> None:
        """Note the score under the files' mark, so that the same values need no second evaluation."""
        params = self.study.get_trials(deepcopy=False)[trial].params
        values = {self.places.sites[name]: rounded(value) for name, value in params.items()}
        self.scores[self.mark(write(self.files, values))] = score

    def follow(self, champion: dict[str, Any]) -> None:
        """Go on from a champion that moved: the same study when it is one of ours, a fresh one around it otherwise."""
        if self.mark(champion["files"]) in self.scores:
            return
        self.begin(champion["files"], champion["score"])

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
            "scores": self.scores,
            "measured": self.measured,
            "study": base64.b64encode(zlib.compress(frozen(self.study), 6)).decode(),
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
        self.scores = state["scores"]
        self.measured = state["measured"]
        self.study = thawed(zlib.decompress(base64.b64decode(state["study"])), self.sign)


def rounded(value: Any) -> Any:
    """Return a float with six significant digits, anything else as it is."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
