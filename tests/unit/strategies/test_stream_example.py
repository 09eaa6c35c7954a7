"""The stream example: learning rules, the bound of an update, delayed labels, drifts and what is no rule."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improvement.engine.manifest import parse_manifest
from tests.unit.strategies.loading import EXAMPLE, PACKAGES, modules

FOLDER = EXAMPLE.parent / "stream"
SHIMS = PACKAGES.parent / "sandbox" / "inside" / "shims"
MANIFEST = parse_manifest((FOLDER / "countersign.toml").read_text())
NAMES = ("rules", "detectors", "learning", "stream", "prequential", "evaluator", "holdout", "rule", "record")
FOLLOWS = {"rate": 0.1, "replay": 8, "memory": 60, "detector": "adwin", "delta": 0.3, "largest_update": 0.5}


@pytest.fixture(scope="module")
def task() -> Iterator[SimpleNamespace]:
    """The example's modules by name, as its evaluator finds them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "countersign", modules(SHIMS, "countersign")[0])
        yield SimpleNamespace(**dict(zip(NAMES, modules(FOLDER, *NAMES), strict=True)))


class Candidate:
    """A program whose functions are called by name."""

    def __init__(self, path: Path) -> None:
        self.names: dict[str, Any] = {}
        exec(path.read_text(), self.names)

    def call(self, name: str) -> Any:
        return self.names[name]()


def rule(task: SimpleNamespace, **changes: Any) -> Any:
    return task.rules.read({**task.rule.rule(), **changes})


def report(task: SimpleNamespace, name: str = "open", seed: int = 1, **changes: Any) -> Any:
    segments = task.stream.Segments()
    learner = task.learning.Learner(rule(task, **changes), len(segments.names), len(segments.categories))
    return task.prequential.run(learner, task.stream.recorded(segments, name, seed))


def test_a_rule_that_watches_for_drifts_sees_them_and_finds_back_sooner(task: SimpleNamespace) -> None:
    start, follows = report(task), report(task, **FOLLOWS)
    assert start.seen_drifts == ()
    assert follows.accuracy > start.accuracy + 5
    assert follows.recovery < start.recovery
    begins = np.array(follows.stream.drifts)
    assert len(follows.seen_drifts) >= 2
    assert all((begins <= seen).any() for seen in follows.seen_drifts)


@settings(max_examples=25, deadline=None)
@given(
    rate=st.floats(0.0, 1.0),
    bound=st.floats(0.0, 0.5),
    replay=st.integers(0, 8),
    model=st.sampled_from(["softmax", "centres"]),
    reaction=st.sampled_from(["none", "faster", "forget"]),
    seed=st.integers(0, 99),
)
def test_no_observation_moves_the_weights_further_than_allowed(
    task: SimpleNamespace, rate: float, bound: float, replay: int, model: str, reaction: str, seed: int
) -> None:
    chosen = rule(
        task, rate=rate, largest_update=bound, replay=replay, model=model, reaction=reaction,
        detector="page_hinkley", scaling=0.05,
    )  # fmt: skip
    learner, chance = task.learning.Learner(chosen, 3, 2), np.random.default_rng(seed)
    for number in range(120):
        before = learner.weights
        learner.learn(chance.normal(size=3) * 5, int(chance.integers(2)), wrong=number > 60)
        assert np.linalg.norm(learner.weights - before) <= bound * (1 + 1e-9)


def test_a_label_changes_nothing_before_it_arrives(task: SimpleNamespace) -> None:
    segments = task.stream.Segments()
    stream = task.stream.recorded(segments, "open", 1)
    upset = stream.y.copy()
    upset[300] = (upset[300] + 1) % 7
    other = task.stream.Stream(stream.x, upset, stream.drifts, stream.forms)
    answers = []
    for one in (stream, other):
        learner = task.learning.Learner(rule(task, rate=0.5), len(segments.names), 7)
        answers.append(task.prequential.run(learner, one).right == (one.y == one.y))
    first = int(np.flatnonzero(answers[0] != answers[1])[1])  # the upset one itself is judged by another label
    assert first >= 300 + task.prequential.DELAY


def test_the_recorded_streams_are_what_their_program_makes(task: SimpleNamespace, tmp_path: Path) -> None:
    task.record.HERE = tmp_path
    task.record.main()
    for name in ("segments.csv", "drifts.csv"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_the_holdout_has_segments_of_its_own(task: SimpleNamespace) -> None:
    rows = [tuple(row) for row in task.stream.Segments().raw]
    assert len(set(rows)) == len(rows) == task.record.OPEN + task.record.HELD_BACK
    assert task.stream.OPEN == task.record.OPEN


def test_the_same_seed_gives_the_same_score_and_another_one_another(task: SimpleNamespace) -> None:
    candidate = Candidate(FOLDER / "rule.py")
    once, again, other = (
        task.evaluator.evaluate(candidate, seed=seed, stage="measure", case=0)["metrics"] for seed in (1, 1, 2)
    )
    assert once == again != other
    assert once.keys() == {metric.name for metric in MANIFEST.metrics}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model": "oracle"}, "model must be one of"),
        ({"rate": float("nan")}, "rate must be a number"),
        ({"rate": True}, "rate must be a number"),
        ({"replay": 2.5}, "replay must be a whole number"),
        ({"largest_update": 0.51}, "largest_update must be a number from 0.0 to 0.5"),
        ({"oracle": 1}, "a dict of exactly"),
    ],
)
def test_what_is_no_rule_is_refused(task: SimpleNamespace, change: dict[str, Any], why: str) -> None:
    with pytest.raises(task.rules.CandidateFailed, match=why):
        rule(task, **change)


@pytest.mark.parametrize("cheat", MANIFEST.cheats, ids=lambda cheat: cheat.name)
def test_a_known_cheat_is_refused(task: SimpleNamespace, cheat: Any) -> None:
    with pytest.raises(task.rules.CandidateFailed):
        task.evaluator.evaluate(Candidate(FOLDER / cheat.files["rule.py"]), seed=0, stage="measure", case=0)


def test_the_declared_space_names_what_the_rule_sets(task: SimpleNamespace) -> None:
    assert {parameter.name.lower() for parameter in MANIFEST.parameters} == task.rule.rule().keys()


def test_a_watch_made_again_from_its_errors_sees_the_same(task: SimpleNamespace) -> None:
    chance = np.random.default_rng(5)
    lasting = task.detectors.Watch("adwin", 0.1)
    for number in range(1500):
        error = int(chance.random() < (0.2 if number < 900 else 0.6))
        made_again = task.detectors.Watch("adwin", 0.1, lasting.errors)
        assert made_again.sees_drift(error) == lasting.sees_drift(error)
