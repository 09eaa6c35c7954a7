"""An Optuna study that can be put down and taken up again with all its random state."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

optuna.logging.set_verbosity(optuna.logging.ERROR)

FIRST_STEP = 0.2
"""The first step size of CMA-ES, in widths of a parameter's range."""


def sampler_of(
    kind: str, seed: int, startup: int, start: Mapping[str, Any], ranges: Mapping[str, BaseDistribution]
) -> BaseSampler:
    """Return the sampler of a fresh study that begins at `start`."""
    if kind == "tpe":
        return TPESampler(seed=seed, n_startup_trials=startup, multivariate=True)
    numeric = {name: value for name, value in start.items() if hasattr(ranges[name], "low")}
    fallback = optuna.samplers.RandomSampler(seed=seed + 1)
    with warnings.catch_warnings():
        # Optuna 5 still honours x0 and sigma0 but announces their end; without them CMA-ES forgets the champion.
        warnings.simplefilter("ignore", FutureWarning)
        return CmaEsSampler(
            seed=seed, x0=numeric, sigma0=FIRST_STEP, independent_sampler=fallback, warn_independent_sampling=False
        )


def new_study(sampler: BaseSampler, sign: float) -> Study:
    """Return an empty study in memory."""
    return optuna.create_study(sampler=sampler, direction="minimize" if sign < 0 else "maximize")


def frozen(study: Study) -> bytes:
    """Return the sampler and the trials, so that `thawed` goes on exactly like the study itself.

    Trials alone would not do: the sampler's random state is part of what comes next.
    """
    return pickle.dumps((study.sampler, lightened(study.get_trials())), protocol=5)


def thawed(data: bytes, sign: float) -> Study:
    """Return the study that `frozen` wrote. The bytes are this strategy's own and it reads them inside the sandbox."""
    sampler, trials = pickle.loads(data)  # noqa: S301 - our own bytes, read inside the sandbox
    study = new_study(sampler, sign)
    study.add_trials(trials)
    return study


def lightened(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials without the optimizer copies that CMA-ES leaves on each generation, except the last one."""
    carriers = [trial for trial in trials if any("optimizer" in key for key in trial.system_attrs)]
    finished = [trial for trial in carriers if trial.state is TrialState.COMPLETE]
    needed = {trial.number for trial in finished[-1:]} | {t.number for t in carriers if t.state is TrialState.RUNNING}
    for trial in carriers:
        if trial.number not in needed:
            trial.system_attrs = {key: value for key, value in trial.system_attrs.items() if "optimizer" not in key}
    return trials


def reopened(study: Study, sign: float, values: Mapping[int, float]) -> Study:
    """Return the study with other values for some finished trials; the sampler goes on as it is."""
    trials = study.get_trials()
    for trial in trials:
        if trial.number in values and trial.state is TrialState.COMPLETE:
            trial.values = [values[trial.number]]
    again = new_study(study.sampler, sign)
    again.add_trials(trials)
    return again
