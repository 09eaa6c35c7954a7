"""Confirmation: paired seeds, the holdout, evidence, and placing a stale candidate on the new champion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from django.conf import settings
from django.utils import timezone

from improvement import installation
from improvement.engine.cascade import read_steps
from improvement.engine.checks import Material
from improvement.engine.confirmation import case_pairs, cost_of_going_on, cost_of_one, goes_on_to, seed_pairs
from improvement.engine.evidence import Evidence, build
from improvement.engine.exhibits import Pair
from improvement.engine.measurement import Measurement, Outcome, Task
from improvement.engine.merging import place
from improvement.engine.nomination import beats
from improvement.engine.patches import diff_stats, patch_digest
from improvement.engine.sequential import FIRST, Look, look_after
from improvement.engine.titles import title
from improvement.exceptions import Conflict, MergeConflict
from improvement.models import Candidate, Evaluation
from improvement.runner.repositories import repository
from improvement.selectors import filesets, loop
from improvement.selectors.targets import task_at
from improvement.services import confirmations, quarantine, targets
from improvement.services import filesets as stored
from improvement.states import CandidateState

logger = logging.getLogger(__name__)

_SPENT = "its run has spent what it may use for confirming; start a new run to measure this change again"


def begin(candidate: Candidate, *, why: str) -> None:
    """Nominate a candidate and order its confirmation."""
    task = task_at(candidate.target.name, candidate.target.champion_commit)
    if candidate.base_commit != candidate.target.champion_commit:
        try:
            candidate = _on_present_champion(candidate, task)
        except MergeConflict as conflict:
            _withdraw(candidate, conflict.message)
            return
    confirmations.nominate(
        candidate.pk,
        pairs=_confirm_pairs(candidate, FIRST),
        champion_files=stored.store(task.editable),
        why=why,
        now=timezone.now(),
    )


def conclude(candidate_id: int) -> None:
    """Go on with a confirmation whose measurements are all answered: more seeds, the holdout, or the gate."""
    candidate = Candidate.objects.select_related("run__target", "target").get(pk=candidate_id)
    rows = loop.answers_of_confirmation(candidate_id)
    if candidate.state != CandidateState.CONFIRMING.value or not rows:
        return
    task = task_at(candidate.target.name, candidate.base_commit)
    material = _material(candidate, task, rows)
    evidence = build(material)
    more = _what_follows(candidate, task, material, evidence)
    if more:
        champion_files = stored.store(task.editable)
        confirmations.order_more(
            candidate_id,
            revision=candidate.revision,
            pairs=more,
            champion_files=champion_files,
            now=timezone.now(),
        )
        return
    tree_id = repository(candidate.target.name).tree_id_of(task.with_files(material.files))
    try:
        confirmations.conclude(
            candidate_id, revision=candidate.revision, evidence=evidence, tree=tree_id, now=timezone.now()
        )
    except Conflict:
        return


def _what_follows(candidate: Candidate, task: Task, material: Material, evidence: Evidence) -> list[confirmations.Pair]:
    """Return the pairs that this evidence calls for: those of the next look, or the holdout; none when it is complete.

    Seeds beyond the first look are only spent while the run's allowance for confirming lasts.
    """
    if material.holdout:
        return []
    if evidence.better:
        key, digest = installation.kernel_key(), candidate.patch_digest
        return [("holdout", case, seed) for case, seed in case_pairs(key, digest, task.manifest)]
    taken = len(material.confirm)
    look = goes_on_to(look_after(taken), evidence)
    if look is None:
        return []
    needed = cost_of_going_on(task.manifest, taken, look)
    if not loop.may_confirm(candidate, needed=needed, now=timezone.now()):
        return []
    return _confirm_pairs(candidate, look)[taken:]


def confirm_again(candidate_id: int) -> None:
    """Place a stale candidate on the present champion and order its confirmation.

    It is withdrawn where it cannot be placed, or where its run has spent its allowance for confirming.
    """
    candidate = Candidate.objects.select_related("run__target", "target").get(pk=candidate_id)
    if candidate.state != CandidateState.STALE.value:
        return
    try:
        _order_anew(candidate, _rebase)
    except Conflict as overtaken:
        logger.info("C-%s: %s", candidate_id, overtaken.message)


def confirm_cleared(candidate_id: int) -> None:
    """Order the confirmation of a candidate that a person cleared, unless its run confirms another one just now."""
    candidate = Candidate.objects.select_related("run__target", "target").get(pk=candidate_id)
    cleared = candidate.state == CandidateState.NOMINATED.value and candidate.cleared
    if not cleared or loop.confirms_another(candidate):
        return
    try:
        _order_anew(candidate, _confirm_cleared)
    except Conflict as overtaken:
        logger.info("C-%s: %s", candidate_id, overtaken.message)


def _order_anew(candidate: Candidate, order: Callable[[Candidate, Task, dict[str, str]], None]) -> None:
    """Place a candidate on the present champion and order its confirmation, or withdraw it where that cannot be.

    Raises ``Conflict`` when somebody else was faster.
    """
    champion = task_at(candidate.target.name, candidate.target.champion_commit)
    if not loop.may_confirm(candidate, needed=cost_of_one(champion.manifest), now=timezone.now()):
        _withdraw(candidate, _SPENT)
        return
    try:
        files = _placed(candidate, champion)
    except MergeConflict as conflict:
        _withdraw(candidate, conflict.message)
        return
    order(candidate, champion, files)


def _withdraw(candidate: Candidate, reason: str) -> None:
    """Withdraw a candidate as it was read; raises ``Conflict`` when it went on since."""
    confirmations.withdraw(
        candidate.pk,
        expected=CandidateState(candidate.state),
        revision=candidate.revision,
        reason=reason,
        now=timezone.now(),
    )


def _confirm_cleared(candidate: Candidate, champion: Task, files: dict[str, str]) -> None:
    """A candidate that was put aside after its confirmation is confirmed on seeds of its own."""
    placed, revision = _described(candidate, champion, files), candidate.revision + candidate.evidence.exists()
    quarantine.confirm(
        candidate.pk,
        champion=candidate.target.champion_commit,
        placed=placed,
        revision=revision,
        pairs=_confirm_pairs(candidate, FIRST, patch=placed.patch_digest, revision=revision),
        champion_files=stored.store(champion.editable),
        now=timezone.now(),
    )


def consider_edit(candidate_id: int) -> None:
    """Order the confirmation of a person's own edit that measured better than the champion; withdraw it otherwise."""
    candidate = Candidate.objects.select_related("target").get(pk=candidate_id)
    if candidate.state != CandidateState.MEASURED.value or candidate.score is None:
        return
    metric = task_at(candidate.target.name, candidate.target.champion_commit).manifest.primary
    champion = candidate.target.champion_score
    if champion is not None and not beats(metric, candidate.score, champion):
        reason = f"it measured {candidate.score:.6g}, no better than the champion's {champion:.6g}"
        targets.withdraw_edit(candidate_id, reason=reason, now=timezone.now())
        return
    try:
        begin(candidate, why="a person's own edit")
    except Conflict as overtaken:
        logger.info("C-%s: %s", candidate_id, overtaken.message)


def _rebase(candidate: Candidate, champion: Task, files: dict[str, str]) -> None:
    placed = _described(candidate, champion, files)
    confirmations.rebase(
        candidate.pk,
        champion=candidate.target.champion_commit,
        placed=placed,
        pairs=_confirm_pairs(candidate, FIRST, patch=placed.patch_digest, revision=candidate.revision + 1),
        champion_files=stored.store(champion.editable),
        now=timezone.now(),
    )


def _placed(candidate: Candidate, champion: Task) -> dict[str, str]:
    """Place a candidate on the present champion: as it is where loops moved that, merged where people did.

    Raises ``MergeConflict`` where a person and the candidate changed the same lines.
    """
    files = filesets.load(candidate.files_id)
    if candidate.origin == "strategy" and not loop.moved_by_people(candidate):
        return files
    return place(task_at(candidate.target.name, candidate.base_commit).editable, files, champion.editable)


def _on_present_champion(candidate: Candidate, champion: Task) -> Candidate:
    """Say what a candidate changes against the present champion, before it is nominated."""
    files = _placed(candidate, champion)
    return confirmations.place_before_nomination(
        candidate.pk,
        champion=candidate.target.champion_commit,
        placed=_described(candidate, champion, files),
    )


def _described(candidate: Candidate, champion: Task, files: dict[str, str]) -> confirmations.Placed:
    return confirmations.Placed(
        files_digest=stored.store(files),
        patch_digest=patch_digest(champion.editable, files),
        lines=diff_stats(champion.editable, files),
        title=_title(candidate, champion, files),
    )


def _title(candidate: Candidate, champion: Task, files: dict[str, str]) -> str:
    """Say what a candidate changes against a champion; a person's own words for their edit stay."""
    return candidate.title if candidate.origin == "person" else title(champion.editable, files)


def _material(candidate: Candidate, task: Task, rows: Iterable[Evaluation]) -> Material:
    rows = list(rows)
    confirm = _paired(rows, "confirm")
    return Material(
        manifest=task.manifest,
        base=candidate.base_commit,
        base_files=task.editable,
        files=filesets.load(candidate.files_id),
        patch_digest=candidate.patch_digest,
        evaluator_digest=task.evaluator_digest,
        score=candidate.score if candidate.score is not None else 0.0,
        confirm=confirm,
        holdout=_paired(rows, "holdout"),
        holdout_uses=candidate.target.holdout_uses,
        tries=loop.tries(candidate),
        confirmations=loop.confirmations(candidate),
        protected=task.protected_texts,
        cleared=candidate.cleared,
        required_level=settings.SANDBOX_MIN_LEVEL,
        confirm_level=look_after(len(confirm)).level,
    )


def _paired(rows: list[Evaluation], stage: str) -> tuple[Pair, ...]:
    own = {row.index: row for row in rows if row.stage == stage and row.candidate_id is not None}
    champion = {row.index: row for row in rows if row.stage == stage and row.candidate_id is None}
    return tuple(
        Pair(index, own[index].seed, as_measurement(own[index]), as_measurement(champion[index]))
        for index in sorted(own)
    )


def as_measurement(row: Evaluation) -> Measurement:
    """Return the answer of an evaluation as the engine knows it."""
    return Measurement(
        outcome=Outcome(row.outcome),
        cause=row.cause,
        message=row.message,
        metrics=row.metrics,
        feedback=row.feedback,
        log=row.log,
        seconds=row.seconds,
        cpu_seconds=row.cpu_seconds,
        memory_mb=row.memory_mb,
        level=row.level,
        isolation=row.isolation,
        evaluator_digest=row.evaluator_digest,
        steps=read_steps(row.steps),
    )


def _confirm_pairs(
    candidate: Candidate, look: Look, *, patch: str = "", revision: int | None = None
) -> list[confirmations.Pair]:
    """Return the pairs up to a look for a candidate as it is, or for the revision that it becomes."""
    patch, revision = patch or candidate.patch_digest, revision or candidate.revision
    digest = patch if revision == 1 else f"{patch}:{revision}"
    return [("confirm", index, seed) for index, seed in seed_pairs(installation.kernel_key(), digest, look)]
