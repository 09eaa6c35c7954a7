"""Scores pipeline.toml by cross-validation on rows.csv; the seed decides the folds."""

from pathlib import Path

from countersign_pipelines import Data, cross_validated


def evaluate(candidate, *, seed, stage, case):
    data = Data.read(Path(__file__).parent)
    return cross_validated(candidate.text("pipeline.toml"), data, seed=seed)
