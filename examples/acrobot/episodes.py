"""Episodes of a linear controller in a Gymnasium environment: what the evaluator and the holdout share."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np

from countersign import CandidateFailed

ENVIRONMENT = "Acrobot-v1"


def mean_return(candidate: Any, seeds: list[int]) -> float:
    """Return the sum of rewards, on average over episodes that begin with these seeds.

    Raises CandidateFailed unless the candidate's weights are finite numbers, a row for each action.
    """
    with gymnasium.make(ENVIRONMENT) as environment:
        shape = (int(environment.action_space.n), environment.observation_space.shape[0])
        weights = read(candidate.call("weights"), shape)
        return sum(episode(environment, weights, seed) for seed in seeds) / len(seeds)


def episode(environment: Any, weights: np.ndarray, seed: int) -> float:
    """Return the sum of rewards of one episode."""
    observation, _ = environment.reset(seed=seed)
    total, done = 0.0, False
    while not done:
        observation, reward, ended, cut, _ = environment.step(int(np.argmax(weights @ observation)))
        total, done = total + float(reward), ended or cut
    return total


def read(answer: object, shape: tuple[int, int]) -> np.ndarray:
    """Return the weights as an array of this shape; raises CandidateFailed for anything else."""
    actions, measurements = shape
    rows = answer if type(answer) is list else []
    if len(rows) != actions or any(type(row) is not list or len(row) != measurements for row in rows):
        raise CandidateFailed(f"weights() must return {actions} lists of {measurements} numbers.")
    if not all(type(value) in (int, float) and math.isfinite(value) for row in rows for value in row):
        raise CandidateFailed("weights() must return finite numbers.")
    return np.array(rows, dtype=float)
