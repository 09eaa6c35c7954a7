"""Making targets: read, check, measure the champion, and only then create anything."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from improvement import installation
from improvement.engine import extras
from improvement.engine.cheats import cheat_files
from improvement.engine.data_targets import Asked
from improvement.engine.formats import Imported
from improvement.engine.generation import score_of
from improvement.engine.measurement import Stage, Task
from improvement.exceptions import CountersignError, TargetError
from improvement.models import Target, TargetImport
from improvement.runner import tables
from improvement.runner.measuring import measure_now
from improvement.runner.releasing import MACHINE
from improvement.sandbox import levels
from improvement.services import targets
from improvement.services.actors import Actor, human
from improvement.services.targets import Added
from improvement.targets import archives, importing
from improvement.targets.repository import Repository

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Start:
    """What the champion of a new target scored, and in how many seconds."""

    score: float
    seconds: float


def add_target(source: Path, *, name: str | None, format: str, actor: Actor) -> Target:
    """Make a target of a directory: nothing is created unless its champion can be measured."""
    levels.require(settings.SANDBOX_MIN_LEVEL)
    return _add(importing.load(source, format, name), name=name, actor=actor)


def add_data(file: Path, asked: Asked, *, name: str | None, actor: Actor) -> Target:
    """Make a target of a table in a CSV or Parquet file: a pipeline that predicts one of its columns."""
    levels.require(settings.SANDBOX_MIN_LEVEL)
    return _add(importing.load_table(file, tables.as_csv(file), asked, name), name=name, actor=actor)


def _add(imported: Imported, *, name: str | None, actor: Actor) -> Target:
    chosen = name or imported.manifest.name
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,79}", chosen):
        raise TargetError(
            f"{chosen!r} cannot be a target's name: use small letters, digits and hyphens, as in circle-packing."
        )
    targets.check_may_add(chosen, actor=actor)
    extras.check_modules(imported.manifest.evaluate.packages, needed_by=f"The target {chosen}")
    task = Task(imported.manifest, imported.tree)
    measured = _measured_start(task)
    path = installation.repository_path(chosen)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    repo = _create(path, task, chosen)
    try:
        made = Added(
            name=chosen,
            manifest=imported.manifest,
            format=imported.format,
            warnings=imported.warnings,
            commit=repo.head(),
            tree=repo.tree_id(repo.head()),
            evaluator_digest=task.evaluator_digest,
            score=measured.score,
            seconds=measured.seconds,
        )
        return targets.add(made, actor=actor, now=timezone.now())
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def import_asked(import_id: int) -> None:
    """Carry out an import that somebody asked for in the browser, once, and record what came of it."""
    with installation.alone(f"import-{import_id}"):
        asked = TargetImport.objects.select_related("asked_by", "table").get(pk=import_id)
        if asked.state == TargetImport.State.QUEUED:
            _carry_out(asked)


def _carry_out(asked: TargetImport) -> None:
    try:
        target = _of_table(asked) if asked.table else _of_files(asked)
        targets.finish_import(asked.pk, target=target, message=" ".join(target.warnings))
    except CountersignError as error:
        targets.finish_import(asked.pk, target=None, message=error.message)
    except Exception:  # whatever broke, the person who waits on the page is told
        logger.exception("import %s broke", asked.pk)
        targets.finish_import(asked.pk, target=None, message="This import broke on the server; its log says why.")
    else:
        if asked.table:
            tables.remove(asked.table)
    if asked.table is None:
        _remove_upload(asked.source)


def _of_table(asked: TargetImport) -> Target:
    choices = Asked.of(asked.choices)
    return add_data(Path(asked.source), choices, name=asked.name or None, actor=human(asked.asked_by))


def _of_files(asked: TargetImport) -> Target:
    with tempfile.TemporaryDirectory(prefix="countersign-import-") as scratch:
        source = _source(asked.source, Path(scratch))
        return add_target(source, name=asked.name or None, format=asked.format, actor=human(asked.asked_by))


def _measured_start(task: Task) -> _Start:
    for cheat in task.manifest.cheats:
        cheat_files(task, cheat)
    measurement = measure_now(task, task.editable, stage=Stage.MEASURE, seed=0)
    score = score_of(task.manifest, measurement)
    if score is None:
        said = measurement.message or measurement.cause
        raise TargetError(f"The target as it stands cannot be measured, so it was not added: {said}")
    return _Start(score, measurement.seconds)


def _create(path: Path, task: Task, name: str) -> Repository:
    if path.exists():  # no target has this name, so it was left by an import that was killed: set it aside
        path.rename(path.with_name(f"{path.name}.left-over-{timezone.now():%Y%m%d%H%M%S}"))
    message = f"Import {name}"
    return Repository.create(path, task.tree, message=message, author=MACHINE, when=timezone.now())


def _source(source: str, scratch: Path) -> Path:
    """The directory to read: as it lies on the server, or unpacked from an uploaded archive, under that one's name."""
    path = Path(source)
    if not path.is_file():
        return path
    folder = scratch / path.name.partition("-")[2].partition(".")[0]
    folder.mkdir(exist_ok=True)
    return archives.unpack(path, folder)


def _remove_upload(source: str) -> None:
    """Remove an archive that was uploaded; whatever else the source names is somebody's own."""
    path, uploads = Path(source).resolve(), installation.uploads().resolve()
    if path.parent == uploads:
        path.unlink(missing_ok=True)
