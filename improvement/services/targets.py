"""Targets: adding one that was measured, taking in commits made elsewhere, and imports asked for in the browser."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction

from improvement import dispatch, installation, permissions
from improvement.engine.manifest import Manifest
from improvement.engine.measurement import Task
from improvement.exceptions import ChampionMoved, Conflict, Invalid
from improvement.models import Candidate, Evaluation, Release, Target, TargetImport
from improvement.permissions import Person, Right
from improvement.services import audit, filesets, locks, serving
from improvement.services.actors import SYSTEM, Actor, require_person
from improvement.services.transitions import move_candidate
from improvement.states import CandidateState


@dataclass(frozen=True, slots=True)
class Added:
    """A target's repository as it was just made: its first commit and tree, how the champion scored, in what time."""

    name: str
    manifest: Manifest
    format: str
    warnings: tuple[str, ...]
    commit: str
    tree: str
    evaluator_digest: str
    score: float
    seconds: float


def check_may_add(name: str, *, actor: Actor) -> None:
    """Raise unless this actor may add a target of this name."""
    if actor.person is not None:
        permissions.check_may(actor.person, Right.IMPORT_TARGET)
    if Target.objects.filter(name=name).exists():
        raise Conflict(f"There is already a target named {name}. Choose another name.")


@audit.turn()
def add(made: Added, *, actor: Actor, now: datetime) -> Target:
    """Record a new target whose repository exists and whose champion was measured."""
    check_may_add(made.name, actor=actor)
    try:
        target = Target.objects.create(
            **_columns(made.manifest),
            name=made.name,
            format=made.format,
            warnings=list(made.warnings),
            start_commit=made.commit,
            start_score=made.score,
            start_seconds=made.seconds,
            champion_commit=made.commit,
            champion_score=made.score,
            evaluator_digest=made.evaluator_digest,
            added_by_id=actor.person_id,
            added_at=now,
        )
    except IntegrityError as error:
        raise Conflict(f"There is already a target named {made.name}. Choose another name.") from error
    first = Release.objects.create(
        target=target,
        kind=Release.Kind.START,
        state=Release.State.DONE,
        commit=made.commit,
        tree=made.tree,
        score=made.score,
        ordered_by_id=actor.person_id,
        ordered_via=actor.via,
        created_at=now,
        finished_at=now,
    )
    audit.append(
        "target.added",
        actor=actor,
        subject={"kind": "target", "id": target.name},
        data={
            "champion": made.commit,
            "tree": made.tree,
            "score": audit.number(made.score),
            "evaluator_sha256": made.evaluator_digest,
            "isolation": target.isolation,
        },
        target=target.name,
        now=now,
    )
    serving.succeed(target, first, window=0, now=now)
    return target


def request_import_of_upload(*, archive: str, name: str, format: str, actor: Actor, now: datetime) -> TargetImport:
    """Ask a worker to make a target of an archive that was uploaded to ``archive``."""
    return _request_import(archive, name=name, format=format, actor=actor, now=now)


def request_import_from_server(*, path: str, name: str, format: str, actor: Actor, now: datetime) -> TargetImport:
    """Ask a worker to make a target of a directory of the server; links in its path are followed first.

    Raises ``NotAllowed`` for anybody but an administrator, ``Invalid`` unless it lies below one of the import roots.
    """
    permissions.check_may(importer(actor), Right.READ_SERVER)
    source = Path(os.path.realpath(path.strip()))
    _check_below_roots(source, path.strip())
    return _request_import(str(source), name=name, format=format, actor=actor, now=now)


def _check_below_roots(source: Path, named: str) -> None:
    roots = [Path(os.path.realpath(root)) for root in installation.import_roots()]
    if not roots:
        raise Invalid(
            "Directories of the server cannot be read from here: COUNTERSIGN_IMPORT_ROOTS names none. "
            "Upload an archive instead."
        )
    if not any(source.is_relative_to(root) for root in roots):
        allowed = " or ".join(map(str, roots))
        raise Invalid(f"{named} is not below {allowed}, and other directories are not read from here.")


def importer(actor: Actor) -> Person:
    """Return the person who asks for an import; raises ``NotAllowed`` when nobody does, or one who may not."""
    person = require_person(actor, "import a target")
    permissions.check_may(person, Right.IMPORT_TARGET)
    return person


@transaction.atomic
def _request_import(source: str, *, name: str, format: str, actor: Actor, now: datetime) -> TargetImport:
    asked = TargetImport.objects.create(
        name=name.strip(),
        format=format,
        source=source,
        state=TargetImport.State.QUEUED,
        asked_by_id=importer(actor).id,
        asked_at=now,
    )
    dispatch.enqueue_on_commit("import_target", import_id=asked.pk)
    return asked


@transaction.atomic
def finish_import(import_id: int, *, target: Target | None, message: str) -> None:
    """Record that an import made a target, or why it was refused."""
    state = TargetImport.State.DONE if target else TargetImport.State.REFUSED
    TargetImport.objects.filter(pk=import_id).update(target=target, state=state, message=message)


def take_manifest(target: Target, task: Task) -> None:
    """Set on a target what the manifest and the evaluator of its champion say; must be saved inside a transaction."""
    target.evaluator_digest = task.evaluator_digest
    for name, value in _columns(task.manifest).items():
        setattr(target, name, value)


def _columns(manifest: Manifest) -> dict[str, str | bool]:
    """What of a manifest a target's row holds."""
    metric = manifest.primary
    return {
        "description": manifest.description,
        "kind": manifest.kind,
        "isolation": manifest.evaluate.isolation,
        "metric": metric.name,
        "better": metric.better,
        "unit": metric.unit,
        "follows_stream": manifest.stream is not None,
    }


@audit.turn()
def record_head(target_name: str, *, head: str, actor: Actor, now: datetime) -> Target:
    """Record where a target's branch is, in the trail when that is news; nobody may move it meanwhile.

    It belongs at the champion, or at the commit of the release that is being carried out.
    """
    target = locks.target(target_name)
    begun = Release.objects.filter(target=target, state=Release.State.INTENDED, commit=head).exists()
    stray = "" if begun or head == target.champion_commit else head
    if stray == target.stray_head:
        return target
    target.stray_head = stray
    target.save(update_fields=["stray_head"])
    audit.append(
        "target.branch_strayed" if stray else "target.branch_restored",
        actor=actor,
        subject={"kind": "target", "id": target.name},
        data={"found": head, "champion": target.champion_commit},
        target=target.name,
        now=now,
    )
    return target


def check_may_put_back(target: Target, *, actor: Actor) -> None:
    """Raise unless this actor may put the branch of a target back at its champion."""
    person = require_person(actor, "put a branch back")
    permissions.check_may(person, Right.ROLL_BACK, target.pk)


def check_may_propose(target: Target, *, actor: Actor) -> None:
    """Raise unless this actor may propose an edit of a target."""
    if actor.person is not None:
        permissions.check_may(actor.person, Right.START_RUN, target.pk)


@audit.turn()
def take_in_edit(
    target_name: str,
    *,
    champion: str,
    files: dict[str, str],
    patch_digest: str,
    syntax_digest: str,
    lines: tuple[int, int],
    seed: int,
    note: str,
    actor: Actor,
    now: datetime,
) -> Candidate:
    """Make a candidate of a person's own edit; it is measured, confirmed and reviewed like any other.

    ``champion`` is the commit that the patch was made against; raises ``ChampionMoved`` when it is no longer champion.
    """
    target = locks.target(target_name)
    if target.champion_commit != champion:
        raise ChampionMoved(f"The champion of {target_name} moved while the edit was read. Pull it again.")
    check_may_propose(target, actor=actor)
    candidate = Candidate.objects.create(
        target=target,
        number=0,
        state=CandidateState.MEASURING.value,
        files_id=filesets.store(files),
        patch_digest=patch_digest,
        syntax_digest=syntax_digest,
        base_commit=target.champion_commit,
        added=lines[0],
        removed=lines[1],
        characters=sum(map(len, files.values())),
        origin="person",
        operator="person",
        note=note[:300],
        title=note[:300],
        author_id=actor.person_id,
        proposed_at=now,
    )
    audit.append(
        "candidate.proposed",
        actor=actor,
        subject=audit.candidate_subject(candidate),
        data={"author": actor.id, "note": note[:300]},
        target=target.name,
        now=now,
    )
    evaluation = Evaluation.objects.create(
        target=target,
        candidate=candidate,
        base_commit=candidate.base_commit,
        files_id=candidate.files_id,
        stage="measure",
        seed=seed,
        state=Evaluation.State.QUEUED,
        queued_at=now,
    )
    dispatch.enqueue_on_commit("evaluate", evaluation_id=evaluation.pk)
    return candidate


@audit.turn()
def withdraw_edit(candidate_id: int, *, reason: str, now: datetime) -> None:
    """Withdraw a person's edit that is no improvement."""
    candidate = Candidate.objects.select_for_update(of=("self",)).select_related("target").get(pk=candidate_id)
    move_candidate(candidate, CandidateState.WITHDRAWN, actor=SYSTEM, now=now, data={"reason": reason}, message=reason)
