"""A small target that follows a stream: its rule guesses the side of a threshold, and learns where that is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from improvement import installation
from improvement.engine.manifest import parse_manifest
from improvement.engine.measurement import Task
from improvement.engine.streams import read_observations
from improvement.models import Target
from improvement.runner import releasing
from improvement.runner.repositories import repository
from improvement.selectors.targets import task_at
from improvement.services import champions, streams, targets
from improvement.services.streams import Fed
from improvement.services.targets import Added
from improvement.targets.repository import Author, Repository
from tests import factories as make

MANIFEST = """
[target]
name = "{name}"

[edit]
files = ["f.py"]

[evaluate]
module = "evaluator.py"

[metrics.score]
better = "higher"

[stream]
module = "serving.py"
serving = "{serving}"
{bound}
features = ["x"]
labels = ["high", "low"]
window = 40
shadow = 120
keep = 100
"""
RULE = '''def answer():
    """Return how fast the threshold is learned; a negative rate runs away from it."""
    return {rate}
'''
SERVING = '''"""Guesses whether x is above a threshold that it learns."""


def begin(candidate, *, bound):
    return {"weights": [0.5], "memory": 0}


def learn(candidate, *, weights, memory, events, bound):
    """Move the threshold against each mistake, as far as the bound allows."""
    rate, (threshold,) = candidate.call("answer"), weights
    path, drifts = [], []
    for event in events:
        if "label" not in event:
            continue
        memory += 1
        guess = side(threshold, event["features"])
        if guess != event["label"]:
            step = rate if guess == "high" else -rate
            threshold += max(-bound, min(bound, step)) if abs(rate) < 50 else abs(rate)
            if memory % 10 == 0:
                drifts.append(event["key"])
        path.append([threshold])
    return {"weights": path, "memory": memory, "drifts": drifts}


def predict(candidate, *, weights, features):
    return [side(weights[0], one) for one in features]


def side(threshold, features):
    return "high" if features["x"] > threshold else "low"
'''
EVALUATOR = """def evaluate(candidate, *, seed, stage, case):
    return {"score": 1.0}
"""
SOMEBODY = Author("Somebody", "somebody@example.org")


def tree(name: str, rate: float, *, serving: str = "bounded") -> dict[str, bytes]:
    """Return the files of a target whose rule has this rate."""
    bound = "bound = 0.5" if serving == "bounded" else ""
    files = {
        "countersign.toml": MANIFEST.format(name=name, serving=serving, bound=bound),
        "evaluator.py": EVALUATOR,
        "serving.py": SERVING,
        "f.py": RULE.format(rate=rate),
    }
    return {path: text.encode() for path, text in files.items()}


def target(name: str = "flow", rate: float = 0.02, *, serving: str = "bounded") -> Target:
    """Return a new target that follows a stream, with a real repository."""
    files = tree(name, rate, serving=serving)
    task = Task(parse_manifest(files["countersign.toml"].decode()), files)
    path = installation.repository_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    repo = Repository.create(path, files, message="Import", author=SOMEBODY, when=timezone.now())
    made = Added(
        name=name,
        manifest=task.manifest,
        format="countersign",
        warnings=(),
        commit=repo.head(),
        tree=repo.tree_id(repo.head()),
        evaluator_digest=task.evaluator_digest,
        score=1.0,
        seconds=0.1,
    )
    return targets.add(made, actor=make.alice(), now=timezone.now())


def commit(on: Target, rate: float) -> str:
    """Make a commit with another rule upon the champion, as anybody with a clone can, and return its id."""
    fresh = Target.objects.get(pk=on.pk)
    changes: dict[str, bytes | None] = {"f.py": RULE.format(rate=rate).encode()}
    return repository(on.name).commit(
        fresh.champion_commit, changes, message="Made elsewhere", author=SOMEBODY, when=timezone.now()
    )


def move_champion(on: Target, rate: float) -> str:
    """Have a rule with another rate made champion, as an ordered takeover, and return its commit."""
    previous, made = Target.objects.get(pk=on.pk).champion_commit, commit(on, rate)
    ordered = champions.order_takeover(
        on.name, previous=previous, commit=made, tree=repository(on.name).tree_id(made), score=1.0,
        actor=make.alice(), reason="for this test", now=timezone.now(),
    )  # fmt: skip
    releasing.finish_release(ordered.pk)
    return made


def observations(count: int, *, first: int = 0, threshold: float = 0.5, labelled: bool = True) -> list[dict[str, Any]]:
    """Return observations whose label is the side of a threshold."""
    chance = random.Random(first)
    return [
        {"id": f"o{number}", "features": {"x": x}, **({"label": _side(x, threshold)} if labelled else {})}
        for number, x in _draws(first, count, chance)
    ]


def _draws(first: int, count: int, chance: random.Random) -> Iterator[tuple[int, float]]:
    return ((number, round(chance.random(), 4)) for number in range(first, first + count))


def _side(x: float, threshold: float) -> str:
    return "high" if x > threshold else "low"


def feed(on: Target, values: list[dict[str, Any]]) -> Fed:
    """Feed observations in alice's name."""
    fresh = Target.objects.get(pk=on.pk)
    return streams.feed(fresh, observations=read(on, values), source="test", actor=make.alice(), now=timezone.now())


def read(on: Target, values: list[dict[str, Any]]) -> list[Any]:
    """Check observations against the target's manifest."""
    stream = task_at(on.name, Target.objects.get(pk=on.pk).champion_commit).manifest.stream
    assert stream is not None
    return read_observations(values, stream)
