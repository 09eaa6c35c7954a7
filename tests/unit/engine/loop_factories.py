"""Small made-up targets, measurements and strategies for the tests of the loop's pure parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from improvement.engine.checks import Material
from improvement.engine.exhibits import Pair
from improvement.engine.manifest import Evaluate, Holdout, Manifest, Metric
from improvement.engine.measurement import Measurement, Outcome

EVALUATOR = "e" * 64


def manifest(**changes: object) -> Manifest:
    plain = Manifest(
        name="parabola",
        edit_files=("solution.py",),
        evaluate=Evaluate(module="evaluator.py"),
        metrics=(Metric("score", "higher", unit="points"),),
        holdout=Holdout("holdout.py", 3),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def measured(score: float | None, **changes: object) -> Measurement:
    outcome = Outcome.FAILED if score is None else Outcome.OK
    metrics = {} if score is None else {"score": score}
    plain = Measurement(
        outcome=outcome,
        cause="" if score is not None else "crash",
        message="" if score is not None else "It raised ValueError.",
        metrics=metrics,
        seconds=0.5,
        cpu_seconds=0.25,
        level=3,
        evaluator_digest=EVALUATOR,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def pairs(candidate: Sequence[float | None], champion: Sequence[float | None]) -> tuple[Pair, ...]:
    both = enumerate(zip(candidate, champion, strict=True))
    return tuple(Pair(index, 1000 + index, measured(mine), measured(theirs)) for index, (mine, theirs) in both)


def material(**changes: object) -> Material:
    plain = Material(
        manifest=manifest(),
        base="c" * 40,
        base_files={"solution.py": "x = 1\n"},
        files={"solution.py": "x = 2\n"},
        patch_digest="d" * 64,
        evaluator_digest=EVALUATOR,
        score=2.0,
        confirm=pairs([2.0, 2.1, 1.9, 2.2, 2.0, 2.1, 1.8, 2.0], [1.0, 1.2, 1.0, 1.1, 0.9, 1.2, 1.0, 1.0]),
        holdout=pairs([3.0, 3.1, 2.9], [2.0, 2.2, 2.1]),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]
