"""Fits pipeline.toml on most of rows.csv and scores it on holdout.csv, which the loop never sees."""

from pathlib import Path

from countersign_pipelines import Data, tested


def evaluate(candidate, *, seed, stage, case):
    folder = Path(__file__).parent
    data, unseen = Data.read(folder), Data.read(folder, "holdout.csv")
    return tested(candidate.text("pipeline.toml"), data, unseen, seed=seed)
