"""An Optuna study that can be put down and taken up again with all its random state."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, NSGAIISampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, Trial, TrialState

optuna.logging.set_verbosity(optuna.logging.ERROR)

FIRST_STEP = 0.2
"""The first step size of CMA-ES, in widths of a parameter's range."""


def cmaes_sampler(seed: int, start: Mapping[str, Any], ranges: Mapping[str, BaseDistribution]) -> BaseSampler:
    """Return a CMA-ES sampler that begins at `start`."""
    numeric = {name: value for name, value in start.items() if hasattr(ranges[name], "low")}
    fallback = optuna.samplers.RandomSampler(seed=seed + 1)
    with warnings.catch_warnings():
        # Optuna 5 still honours x0 and sigma0 but announces their end; without them CMA-ES forgets the champion.
        warnings.simplefilter("ignore", FutureWarning)
        return CmaEsSampler(
            seed=seed, x0=numeric, sigma0=FIRST_STEP, independent_sampler=fallback, warn_independent_sampling=False
        )


def tpe_sampler(seed: int, startup: int) -> BaseSampler:
    """Return a TPE sampler that draws so many proposals at random first."""
    return TPESampler(seed=seed, n_startup_trials=startup, multivariate=True)


def nsgaii_sampler(seed: int, population: int) -> BaseSampler:
    """Return an NSGA-II sampler with so many members in a generation."""
    return NSGAIISampler(seed=seed, population_size=population)


class Search:
    """A study in memory: what was tried and what came of it, one value for each of the signs."""

    def __init__(self, sampler: BaseSampler, signs: Sequence[float]) -> None:
        self.signs = tuple(signs)
        self.storage = InMemoryStorage()
        directions = ["minimize" if sign < 0 else "maximize" for sign in signs]
        self.study = optuna.create_study(storage=self.storage, sampler=sampler, directions=directions)
        self.id = self.storage.get_study_id_from_name(self.study.study_name)

    def enqueue(self, values: Mapping[str, Any]) -> None:
        """Let these values be what is asked next."""
        self.study.enqueue_trial(dict(values))

    def ask(self, ranges: Mapping[str, BaseDistribution]) -> Trial:
        """Return a trial with values to try."""
        return self.study.ask(dict(ranges))

    def tell(self, number: int, values: Sequence[float] | None, violations: Mapping[str, float]) -> None:
        """Close a trial with its values (None: nothing is known of it) and by how much it breaks each constraint."""
        self.constrain(number, violations)
        self.study.tell(number, values, state=TrialState.FAIL if values is None else None)

    def constrain(self, number: int, violations: Mapping[str, float]) -> None:
        """Note a trial's constraints by its number: a trial that was open at a snapshot has no object left to ask."""
        place = self.storage.get_trial_id_from_study_id_trial_number(self.id, number)
        noted = copy.deepcopy(self.storage.get_trial(place))
        for name, value in violations.items():
            noted.set_constraint(name, value)
        for key, value in noted.system_attrs.items():
            self.storage.set_trial_system_attr(place, key, value)

    def params(self, number: int) -> dict[str, Any]:
        """Return the values that a trial stands for."""
        return self.study.get_trials(deepcopy=False)[number].params

    def values(self, number: int) -> list[float] | None:
        """Return what a trial was told, None while it is open or when nothing is known of it."""
        return self.study.get_trials(deepcopy=False)[number].values

    def best(self, count: int) -> list[FrozenTrial]:
        """Return the best trials that break no constraint, best first; between equals the older one."""
        known = [trial for trial in self.study.get_trials(deepcopy=False) if trial.state is TrialState.COMPLETE]
        kept = [trial for trial in known if all(broken <= 0 for broken in trial.constraints.values())]
        kept.sort(key=lambda trial: -self.signs[0] * trial.values[0])
        return kept[:count]

    def frozen(self) -> bytes:
        """Return the sampler, the trials and its notes on them, so that `thawed` goes on exactly like this search.

        Trials alone would not do: the sampler's random state is part of what comes next, and so are the parents that
        NSGA-II has chosen for a generation.
        """
        attributes = self.storage.get_study_system_attrs(self.id)
        return pickle.dumps((self.study.sampler, lightened(self.study.get_trials()), attributes), protocol=5)

    @classmethod
    def thawed(cls, data: bytes, signs: Sequence[float]) -> Search:
        """Return the search that `frozen` wrote: the strategy's own bytes, which it reads inside the sandbox."""
        sampler, trials, attributes = pickle.loads(data)  # noqa: S301 - our own bytes, read inside the sandbox
        return cls.filled(sampler, signs, trials, attributes)

    @classmethod
    def filled(
        cls, sampler: BaseSampler, signs: Sequence[float], trials: list[FrozenTrial], attributes: Mapping[str, Any]
    ) -> Search:
        """Return a search that holds these trials, numbered as they were."""
        search = cls(sampler, signs)
        search.study.add_trials(trials)
        for key, value in attributes.items():
            search.storage.set_study_system_attr(search.id, key, value)
        return search

    def reopened(self, values: Mapping[int, list[float]]) -> Search:
        """Return this search with other values for some finished trials; the sampler goes on as it is."""
        trials = self.study.get_trials()
        for trial in trials:
            if trial.number in values and trial.state is TrialState.COMPLETE:
                trial.values = values[trial.number]
        return self.filled(self.study.sampler, self.signs, trials, self.storage.get_study_system_attrs(self.id))


def lightened(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials without the optimizer copies that CMA-ES leaves on each generation, except the last one."""
    carriers = [trial for trial in trials if any("optimizer" in key for key in trial.system_attrs)]
    finished = [trial for trial in carriers if trial.state is TrialState.COMPLETE]
    needed = {trial.number for trial in finished[-1:]} | {t.number for t in carriers if t.state is TrialState.RUNNING}
    for trial in carriers:
        if trial.number not in needed:
            trial.system_attrs = {key: value for key, value in trial.system_attrs.items() if "optimizer" not in key}
    return trials
