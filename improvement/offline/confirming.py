"""Confirmation: candidate and start on the same fresh seeds, then on the holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from improvement.engine.checks import Material
from improvement.engine.confirmation import case_pairs, cost_of_going_on, goes_on_to, seed_pairs
from improvement.engine.evidence import Evidence, build
from improvement.engine.exhibits import Pair
from improvement.engine.measurement import Stage, Task
from improvement.engine.patches import files_digest, patch_digest
from improvement.engine.sequential import FIRST, Look, look_after
from improvement.offline.bench import Bench, Job


def confirm(
    bench: Bench,
    task: Task,
    files: Mapping[str, str],
    *,
    score: float,
    key: bytes,
    holdout_uses: int,
    min_level: int,
    allowance: int,
    tries: int,
    confirmations: int,
) -> Evidence:
    """Compare a candidate with the start on seeds that nothing has seen; on the holdout only when it is better there.

    ``score`` is the candidate's measure score, ``key`` what the seeds are derived from, ``allowance`` how many
    evaluations it may cost, ``tries`` and ``confirmations`` how many candidates were measured and confirmed by now.
    """
    digest = patch_digest(task.editable, files)
    material = Material(
        manifest=task.manifest,
        base=files_digest(task.editable),
        base_files=task.editable,
        files=files,
        patch_digest=digest,
        evaluator_digest=task.evaluator_digest,
        score=score,
        confirm=(),
        holdout_uses=holdout_uses,
        tries=tries,
        confirmations=confirmations,
        protected=task.protected_texts,
        required_level=min_level,
    )
    material = _at(FIRST, bench, task, material, key)
    evidence = build(material)
    while look := goes_on_to(look_after(len(material.confirm)), evidence):
        if evidence.cost.evaluations + cost_of_going_on(task.manifest, len(material.confirm), look) > allowance:
            break
        material = _at(look, bench, task, material, key)
        evidence = build(material)
    holdout = case_pairs(key, digest, task.manifest)
    if not evidence.better or not holdout:
        return evidence
    return build(replace(material, holdout=_pairs(bench, task, files, Stage.HOLDOUT, holdout)))


def _at(look: Look, bench: Bench, task: Task, material: Material, key: bytes) -> Material:
    """Measure what a look needs; the pairs of the looks before it are there already."""
    planned = seed_pairs(key, material.patch_digest, look)
    return replace(
        material, confirm=_pairs(bench, task, material.files, Stage.CONFIRM, planned), confirm_level=look.level
    )


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
