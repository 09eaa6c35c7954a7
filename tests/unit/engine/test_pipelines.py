"""The language of pipeline.toml: read strictly, written always the same, told in phrases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improvement.engine import pipelines
from improvement.engine.pipelines import MODELS, PipelineError, Step, changes, completed, parse, steps, write

LINEAR = write(completed({"model": "linear"}))
BOOSTING = write(completed({"model": "gradient boosting", "trees": 300}))


@given(st.sampled_from(MODELS))
def test_what_is_written_reads_back(model: str) -> None:
    values = completed({"model": model})
    assert parse(write(values)) == values


def test_lines_that_are_left_out_have_their_defaults() -> None:
    assert parse('[model]\nmodel = "linear"\n') == parse("") == completed({"model": "linear"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[model", "is not valid TOML"),
        ("[modle]\n", r"\[modle\] is not a section; did you mean model\?"),
        ("model = 3", r"model has to be a section, written \[model\]"),
        ('[model]\nmodel = "forest"', "model.model has to be linear, .* or neural network"),
        (
            "[model]\ntrees = 9",
            "model.trees belongs to random forest, extra trees or gradient boosting, and",
        ),
        ("[model]\nstrenght = 1", r"model.strenght is not a line there; did you mean strength\?"),
        ("[model]\nstrength = inf", "model.strength has to be from 1e-05 to 100000"),
        ("[model]\nstrength = true", "model.strength has to be a number"),
        ("[features]\nbins = 1", "features.bins has to be from 2 to 32, or 0; it is 1"),
        ("[features]\nleave_out = [1]", "features.leave_out has to be a list of column names"),
        (
            '[model]\nmodel = "neural network"\nlayers = [64, 0]',
            "model.layers has to be one to four widths",
        ),
        ('[answer]\nbalance = "yes"', "answer.balance has to be true or false"),
    ],
)
def test_a_wrong_line_is_named(text: str, said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        parse(text)


def test_changes_read_like_sentences() -> None:
    assert changes(LINEAR, BOOSTING) == ["gradient boosting instead of linear", "300 trees"]
    assert changes(BOOSTING, BOOSTING.replace("trees = 300", "trees = 250")) == ["250 trees instead of 300"]
    assert changes(LINEAR, LINEAR.replace("keep = 1.0", "keep = 0.5")) == ["the best 50 % of the features"]
    assert changes(LINEAR.replace("bins = 0", "bins = 8"), LINEAR) == ["no longer: numbers also in 8 bins"]
    assert changes(LINEAR, LINEAR) == []


def test_steps_are_the_stations_of_a_row() -> None:
    told = steps(LINEAR)
    assert [step.title for step in told] == ["features", "preprocess", "model"]
    assert told[-1] == Step("model", ("linear", "ridge penalty", "penalty strength 1"))


def test_every_line_has_a_default_that_it_allows() -> None:
    assert [line.name for line in pipelines.LINES if line.problem(line.default)] == []
