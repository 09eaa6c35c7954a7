"""Confirmation: candidate and start on the same fresh seeds, then on the holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from improvement.engine.checks import Material
from improvement.engine.evidence import Evidence, build
from improvement.engine.exhibits import Pair
from improvement.engine.manifest import Manifest
from improvement.engine.measurement import Stage, Task
from improvement.engine.patches import files_digest, patch_digest
from improvement.engine.seeds import confirm_seeds, holdout_seed
from improvement.offline.bench import Bench, Job

SEEDS = 8


def cost_of_one(manifest: Manifest) -> int:
    """Say how many evaluations one confirmation takes at most, both sides of each pair counted."""
    return 2 * SEEDS + 2 * _cases(manifest)


def confirm(
    bench: Bench, task: Task, files: Mapping[str, str], *, score: float, key: bytes, holdout_uses: int, min_level: int
) -> Evidence:
    """Compare a candidate with the start on seeds that nothing has seen; on the holdout only when it is better there.

    ``score`` is the candidate's measure score, ``key`` what the seeds are derived from.
    """
    digest = patch_digest(task.editable, files)
    seeds = list(enumerate(confirm_seeds(key, digest, SEEDS)))
    cases = [(case, holdout_seed(key, digest, case)) for case in range(_cases(task.manifest))]
    material = Material(
        manifest=task.manifest,
        base=files_digest(task.editable),
        base_files=task.editable,
        files=files,
        patch_digest=digest,
        evaluator_digest=task.evaluator_digest,
        score=score,
        confirm=_pairs(bench, task, files, Stage.CONFIRM, seeds),
        holdout_uses=holdout_uses,
        required_level=min_level,
    )
    evidence = build(material)
    if not evidence.better or not cases:
        return evidence
    return build(replace(material, holdout=_pairs(bench, task, files, Stage.HOLDOUT, cases)))


def _cases(manifest: Manifest) -> int:
    return manifest.holdout.cases if manifest.holdout else 0


def _pairs(
    bench: Bench, task: Task, files: Mapping[str, str], stage: Stage, seeds: list[tuple[int, int]]
) -> tuple[Pair, ...]:
    """Measure both sides of every pair; the index is the holdout's case, and plain counting on the confirm seeds."""
    jobs = {}
    for index, seed in seeds:
        case = index if stage is Stage.HOLDOUT else 0
        jobs[2 * index] = Job(files, stage, seed, case)
        jobs[2 * index + 1] = Job(task.editable, stage, seed, case)
    measured = bench.all(jobs)
    return tuple(Pair(index, seed, measured[2 * index], measured[2 * index + 1]) for index, seed in seeds)
